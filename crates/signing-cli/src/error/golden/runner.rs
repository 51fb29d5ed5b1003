//! A program that loads packages: its options, and what it calls.

use std::error::Error;
use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use signing_crypto::{
    DocumentFault, MalformedBundle, MalformedTrustDocument, NameError, NameFault, NameKind,
    PemError, PemForm, TrustDocumentKind,
};
use signing_loader::{
    FollowError, GateError, PackageError, Protection, ProtectionError, SecurityArgsError,
    UntrustedReason, VerificationError,
};
use signing_trust::store::{OrganizationRef, StoreError, UrlError};
use signing_trust::{DocumentOwner, SignedTrustError, TrustRootError, VersionMemoryError};

use super::{Reached, Sample, values, variant};

pub(super) fn samples() -> Vec<Sample> {
    let path = || "dev-key.pub.pem".into();
    let (expected, found) = (PemForm::PublicKey, PemForm::PrivateKey);
    let name = NameError { kind: NameKind::Organization, fault: NameFault::Empty };
    let errors = [
        SecurityArgsError::File { path: path(), source: io::ErrorKind::NotFound.into() },
        SecurityArgsError::Key { path: path(), source: PemError::WrongForm { expected, found } },
        SecurityArgsError::Unprotected(ProtectionError::Writable {
            path: path(),
            mode: 0o664,
            protection: Protection::Integrity,
        }),
        SecurityArgsError::TrustRoot {
            path: "acme.root.json".into(),
            source: TrustRootError::Malformed(malformed()),
        },
        SecurityArgsError::TrustBundle {
            path: "acme.bundle.json".into(),
            source: MalformedBundle::Type { found: "something else".into() },
        },
        SecurityArgsError::StateFile(VersionMemoryError::Damaged {
            path: "/var/lib/runner/trust".into(),
            fault: "a line cannot be read",
        }),
        SecurityArgsError::SignedTrust(SignedTrustError::Expired {
            org: DocumentOwner { id: values::org_id(), name: values::org_name() },
            kind: TrustDocumentKind::Statement,
            at: values::time(),
        }),
        SecurityArgsError::DatabaseUrl(UrlError::PasswordOnCommandLine),
        SecurityArgsError::NoStore,
        SecurityArgsError::DatabaseUrl(UrlError::UnknownScheme),
        SecurityArgsError::OrganizationName(name),
        SecurityArgsError::Trust(not_found().into()),
    ];
    let options = errors.map(|error| sample(2, error.code(), error));
    options.into_iter().chain(gates()).chain(following()).collect()
}

fn gates() -> Vec<Sample> {
    let refused = GateError::NoLongerTrusted { source: Arc::new(refused()) };
    let stale = GateError::Stale { since: values::time() };
    [(1, refused), (2, stale), (2, GateError::NotFollowed), (2, GateError::Forked)]
        .map(|(exit, error)| sample(exit, error.code(), error))
        .into()
}

fn following() -> Vec<Sample> {
    [
        (1, FollowError::Package(refused())),
        (2, FollowError::Gate(GateError::NotFollowed)),
        (2, FollowError::Trust(not_found().into())),
        (2, FollowError::Thread(io::ErrorKind::WouldBlock.into())),
    ]
    .map(|(exit, error)| sample(exit, error.code(), error))
    .into()
}

fn refused() -> PackageError {
    let reason = UntrustedReason::Revoked { at: values::time() };
    VerificationError::UntrustedSigner { fingerprint: Some(values::fingerprint()), reason }.into()
}

fn sample<E: Error + Debug + 'static>(exit: u8, code: &'static str, error: E) -> Sample {
    let variant = variant(&error);
    Sample { variant, error: Reached::Runner { exit, code, error: Box::new(error) } }
}

fn not_found() -> StoreError {
    StoreError::OrganizationNotFound { given: OrganizationRef::Name(values::org_name()) }
}

fn malformed() -> MalformedTrustDocument {
    let fault = DocumentFault::Field { field: "version" };
    MalformedTrustDocument { kind: TrustDocumentKind::Root, fault }
}
