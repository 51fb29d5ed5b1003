//! Who accepts whose signatures.
//!
//! With a store (feature `store`, on by default) organizations own keys, trust
//! keys, and accept what other organizations trust; [`KeyManager`] changes all of that, and
//! [`TrustReader`] asks. Without one, [`PinnedKeys`] are public keys that
//! the program is given.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use signing_crypto::KeyEncryptionKey;
//! use signing_trust::{KeyManager, TrustLimits, store::{DatabaseUrl, Store}};
//!
//! # let directory = tempfile::tempdir()?;
//! # let url = DatabaseUrl::sqlite(directory.path().join("cloacina.db"));
//! let (store, _) = Store::migrate(&url).await?;
//! let kek = KeyEncryptionKey::parse("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")?;
//! let keys = KeyManager::new(store, Some(kek));
//!
//! let vendor = keys.create_organization("vendor".parse()?).await?.id;
//! let release = keys.create_signing_key(vendor, "release".parse()?).await?;
//! keys.trust_signing_key(vendor, release.id, None, None).await?;
//!
//! let operator = keys.create_organization("operator".parse()?).await?.id;
//! keys.grant_trust(operator, vendor, TrustLimits::default()).await?;
//! assert!(keys.find_trusted_key(operator, &release.fingerprint).await?.is_some());
//!
//! keys.deny_key(operator, &release.fingerprint, Some("not for us".parse()?)).await?;
//! assert!(keys.find_trusted_key(operator, &release.fingerprint).await?.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The rules, in short: an organization's own word comes first, and a refusal
//! wins over any grant; a grant reaches exactly one level; what cannot be decided
//! is an error, never a yes.

#![forbid(unsafe_code)]

mod clock;
mod decision;
mod document_error;
#[cfg_attr(not(feature = "store"), expect(dead_code, reason = "pinned keys use only a part of it"))]
mod snapshot;

#[cfg_attr(not(feature = "store"), expect(dead_code, reason = "pinned keys use only a part of it"))]
mod rules;

pub mod acceptance;

mod candidates;
mod pinned;
mod signed;
#[cfg(feature = "store")]
mod source;

#[cfg(feature = "store")]
mod cache;

#[cfg(feature = "store")]
mod trust_reader;

#[cfg(feature = "store")]
mod key_manager;

#[cfg(feature = "store")]
mod graph;

#[cfg(feature = "store")]
mod actor;
mod audit;

#[cfg(feature = "store")]
mod error;

pub use audit::{AUDIT_TARGET, AuditEvent, EventType};
#[cfg(feature = "store")]
pub use cache::Freshness;
pub use candidates::MAX_CANDIDATES;
pub use clock::{UnusableClock, clock_time, usable_clock_time};
pub use decision::{
    DecisionError, KeyDecision, Signers, TrustDecision, TrustPath, TrustedKey, UntrustedReason,
};
pub use document_error::{DocumentOwner, SignedTrustError, VersionMemoryError};
#[cfg(feature = "store")]
pub use error::{KeyMismatch, TakenAway, TrustError};
#[cfg(feature = "store")]
pub use graph::{GraphGrant, GraphKey, GraphOrganization, TrustGraph};
#[cfg(feature = "store")]
pub use key_manager::{KeyManager, OtherHolder, Rotation};
pub use pinned::PinnedKeys;
pub use rules::{GrantStanding, KeyStanding};
pub use signed::{
    BundledTrust, SeenDocument, SeenDocuments, SeenFrom, SeenOrganization, TrustAnchor, TrustRoot,
    TrustRootError, VerifiedDocuments, VersionMemory,
};
#[cfg(feature = "store")]
pub use signed::{PublishedTrust, RefusedChild, StatementChange, StatementContent};
#[doc(no_inline)]
pub use signing_crypto::TrustLimits;
#[cfg(feature = "store")]
pub use snapshot::boot_time;
#[cfg(feature = "store")]
pub use trust_reader::{
    AffectedSignature, AffectedSignatures, DocumentExpiries, DocumentPlan, NextDocuments, NextRoot,
    OrganizationKeys, Outdated, PlannedSuccessor, ProvenKey, PublicationImpact, Resign, Resigned,
    ResignedPackage, RotationImpact, SearchExtent, StoredSignature, StoredSignatures,
    TrustFollower, TrustImpact, TrustReader,
};

/// The store's types, for programs that open one.
#[cfg(feature = "store")]
pub use signing_store as store;

// What tasks and threads share.
const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<PinnedKeys>();
    is_shared::<TrustDecision>();
    #[cfg(feature = "store")]
    {
        is_shared::<KeyManager>();
        is_shared::<TrustReader>();
        is_shared::<TrustError>();
    }
};
