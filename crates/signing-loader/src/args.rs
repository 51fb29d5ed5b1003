use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::blocking::blocking;
use crate::elf::DependencyName;
use crate::error::PackageError;
use crate::load::{LoadedPackage, danger_load_unsigned};
use crate::observe::Observer;
use crate::open::open_regular;
use crate::path::PackagePath;
use crate::protection::Protection;
use crate::trust_source::Offline;
#[cfg(feature = "store")]
use crate::trust_source::Online;
use crate::verifier::Verifier;
use chrono::{DateTime, Utc};
use clap::Args;
use signing_crypto::{MAX_PEM_SIZE, StatementTime, VerifyingKey};
use signing_trust::PinnedKeys;
use signing_trust::acceptance::{
    ClockSkewAllowance, RequiredSigners, SignerCount, VerificationConfig,
};
#[cfg(feature = "store")]
use signing_trust::{
    TrustError,
    store::{DatabaseUrl, RequiredTls, StoreReader},
};

mod error;
mod gate;
mod signed;

pub use error::SecurityArgsError;
use gate::GateArgs;
use signed::SignedTrustArgs;

/// The command-line options of a runner that loads packages.
///
/// ```
/// use clap::Parser;
/// use signing_loader::SecurityArgs;
///
/// #[derive(Parser)]
/// struct Cli {
///     #[command(flatten)]
///     security: SecurityArgs,
/// }
///
/// let cli = Cli::try_parse_from(["my_runner", "--require-signatures", "--trust-key", "a.pub.pem"])?;
/// # assert!(Cli::try_parse_from(["my_runner", "--trust-key", "a.pub.pem"]).is_err());
/// # Ok::<(), clap::Error>(())
/// ```
///
/// `--trust-key`, `--trust-bundle` or `--org` without `--require-signatures` is a usage error:
/// alone they would protect nothing.
#[derive(Args, Clone)]
pub struct SecurityArgs {
    /// Load only packages that a trusted key has signed
    #[arg(long, requires = "trust")]
    require_signatures: bool,

    /// Trust the public key in this PEM file (may be repeated)
    #[arg(long, value_name = "PEM", requires = "require_signatures", group = "trust")]
    trust_key: Vec<PathBuf>,

    /// Trust what this organization (name or id) trusts
    #[cfg(feature = "store")]
    #[arg(
        long,
        value_name = "ORG",
        requires = "require_signatures",
        conflicts_with = "trust_key",
        group = "trust"
    )]
    org: Option<String>,

    #[command(flatten)]
    signed_trust: SignedTrustArgs,

    /// How many distinct trusted keys must have signed a package, 1 to 16
    #[arg(long, value_name = "N", requires = "require_signatures")]
    required_signers: Option<SignerCount>,

    /// Count distinct organizations instead of keys
    #[cfg(feature = "store")]
    #[arg(long, requires = "required_signers", conflicts_with = "trust_key")]
    distinct_orgs: bool,

    /// For how many seconds after its expiry a signature, or trust in a key, still counts, 0
    /// to 300
    #[arg(long, value_name = "SECONDS", requires = "require_signatures")]
    clock_skew_allowance: Option<ClockSkewAllowance>,

    /// Let packages link against this library of the system, such as libfoo.so.1 (may be
    /// repeated)
    #[arg(long, value_name = "LIBRARY", requires = "require_signatures")]
    allow_dependency: Vec<DependencyName>,

    #[command(flatten)]
    gate: GateArgs,

    /// Until this time, such as 2026-01-31T00:00:00Z, load packages that would be refused, and
    /// report them: nothing is protected
    #[arg(long, value_name = "TIME", requires = "require_signatures")]
    danger_observe_until: Option<StatementTime>,

    /// The store to ask: postgres://… without a password, or a SQLite file
    /// [env: CLOACINA_DATABASE_URL]
    // Read from the environment by `resolve`: a password may stand there, and clap does not
    // tell where a value is from.
    #[cfg(feature = "store")]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,

    /// Allow sslmode=require and sslmode=disable in the URL: any server that answers decides
    /// whom this program trusts
    #[cfg(feature = "store")]
    #[arg(long)]
    danger_allow_insecure_database: bool,
}

impl std::fmt::Debug for SecurityArgs {
    /// Without the database URL, which may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecurityArgs")
            .field("require_signatures", &self.require_signatures)
            .field("trust_key", &self.trust_key)
            .field("required_signers", &self.required_signers)
            .field("clock_skew_allowance", &self.clock_skew_allowance)
            .field("allow_dependency", &self.allow_dependency)
            .field("danger_observe_until", &self.danger_observe_until)
            .finish_non_exhaustive()
    }
}

/// Loads packages as the options of [`SecurityArgs`] say.
#[derive(Debug)]
pub struct PackageLoader {
    trust: Trust,
    #[cfg_attr(not(feature = "store"), expect(dead_code, reason = "only a store is followed"))]
    gate: GateArgs,
}

/// Whose signatures count.
#[derive(Debug)]
enum Trust {
    /// No signature is required.
    Unsigned,
    Offline(Verifier<Offline>),
    ObservedOffline(Observer<Offline>),
    #[cfg(feature = "store")]
    Organization(Verifier<Online>),
    #[cfg(feature = "store")]
    ObservedOrganization(Observer<Online>),
}

impl SecurityArgs {
    /// Reads the key files or the bundle, or opens the store and finds the organization.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime, if the feature `store` is on.
    pub async fn resolve(&self) -> Result<PackageLoader, SecurityArgsError> {
        let config = VerificationConfig {
            required_signers: self.required_signers(),
            clock_skew_allowance: self.clock_skew_allowance(),
            ..Default::default()
        };
        if !self.require_signatures {
            return Ok(self.loader(Trust::Unsigned));
        }
        #[cfg(feature = "store")]
        if let Some(org) = &self.org {
            let url = self.database_url()?;
            let store = StoreReader::open(&url).await.map_err(TrustError::from)?;
            let verifier = Verifier::organization(store, org.parse()?).await?;
            let verifier = self.configured(verifier, config);
            let signed_trust = self.signed_trust.clone();
            let verifier = match read_files(move || signed_trust.anchor()).await? {
                Some(anchor) => verifier.rooted(anchor),
                None => verifier,
            };
            return Ok(self.loader(match self.observe_until() {
                Some(end) => Trust::ObservedOrganization(verifier.danger_observe_until(end)),
                None => Trust::Organization(verifier),
            }));
        }
        let options = self.clone();
        let verifier = read_files(move || options.offline_verifier()).await?;
        let verifier = self.configured(verifier, config);
        Ok(self.loader(match self.observe_until() {
            Some(end) => Trust::ObservedOffline(verifier.danger_observe_until(end)),
            None => Trust::Offline(verifier),
        }))
    }

    /// Trust from files: a bundle or keys.
    fn offline_verifier(&self) -> Result<Verifier<Offline>, SecurityArgsError> {
        if let Some((bundle, anchor)) = self.signed_trust.bundle()? {
            return Ok(Verifier::bundle(&bundle, anchor)?);
        }
        let keys: Result<PinnedKeys, _> =
            self.trust_key.iter().map(|path| read_key(path)).collect();
        Ok(Verifier::pinned(keys?))
    }

    fn observe_until(&self) -> Option<DateTime<Utc>> {
        self.danger_observe_until.map(StatementTime::to_utc)
    }

    fn loader(&self, trust: Trust) -> PackageLoader {
        PackageLoader { trust, gate: self.gate }
    }

    fn configured<T>(&self, verifier: Verifier<T>, config: VerificationConfig) -> Verifier<T> {
        let allowed = self.allow_dependency.iter().cloned();
        allowed.fold(verifier.config(config), Verifier::allow_dependency)
    }

    /// Where the store is. Warns about the checks that the user has turned off.
    #[cfg(feature = "store")]
    fn database_url(&self) -> Result<DatabaseUrl, SecurityArgsError> {
        let tls = match self.danger_allow_insecure_database {
            true => RequiredTls::DangerNone,
            false => RequiredTls::Verified,
        };
        let url = DatabaseUrl::given(self.database_url.as_deref(), tls)?;
        let url = url.ok_or(SecurityArgsError::NoStore)?;
        if let Some(host) = url.unprotected_host() {
            tracing::warn!(
                host,
                "no TLS proves that this is the database: any server that answers there decides \
                 whom to trust"
            );
        }
        Ok(url)
    }

    fn required_signers(&self) -> RequiredSigners {
        let count = self.required_signers.unwrap_or(SignerCount::ONE);
        #[cfg(feature = "store")]
        if self.distinct_orgs {
            return RequiredSigners::Organizations(count);
        }
        RequiredSigners::Keys(count)
    }

    fn clock_skew_allowance(&self) -> ClockSkewAllowance {
        self.clock_skew_allowance.unwrap_or_default()
    }
}

impl PackageLoader {
    /// Verifies a package, if signatures are required, and loads it; with
    /// `--danger-observe-until` and before that time, also if it would be refused.
    ///
    /// # Errors
    ///
    /// As [`VerifiedPackage::load`](crate::VerifiedPackage::load), or without
    /// `--require-signatures` as [`danger_load_unsigned`].
    pub async fn load(&self, path: impl Into<PackagePath>) -> Result<LoadedPackage, PackageError> {
        let path = path.into();
        match &self.trust {
            Trust::Unsigned => blocking(|| danger_load_unsigned(path)).await,
            Trust::Offline(verifier) => {
                let verifier = verifier.clone();
                blocking(move || verifier.verify(path)?.load()).await
            }
            Trust::ObservedOffline(observer) => {
                let observer = observer.clone();
                blocking(move || Ok(observer.load(path)?.package)).await
            }
            #[cfg(feature = "store")]
            Trust::Organization(verifier) => verifier.verify(path).await?.load().await,
            #[cfg(feature = "store")]
            Trust::ObservedOrganization(observer) => Ok(observer.load(path).await?.package),
        }
    }
}

/// Reads files where nothing else has to wait for that: another process may have locked the state
/// file.
#[cfg(feature = "store")]
async fn read_files<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, SecurityArgsError> + Send + 'static,
) -> Result<T, SecurityArgsError> {
    let read = blocking(move || Ok::<_, PackageError>(read())).await;
    read.unwrap_or_else(|_| Err(TrustError::Cancelled.into()))
}

/// Reads files. Without a store there is no runtime.
#[cfg(not(feature = "store"))]
async fn read_files<T>(
    read: impl FnOnce() -> Result<T, SecurityArgsError>,
) -> Result<T, SecurityArgsError> {
    read()
}

fn read_key(path: &Path) -> Result<VerifyingKey, SecurityArgsError> {
    VerifyingKey::from_pem(&read_protected(path, MAX_PEM_SIZE)?)
        .map_err(|source| SecurityArgsError::Key { path: path.into(), source })
}

/// Reads a regular file that other users cannot change; of a file with more than `limit` bytes,
/// one more than that.
fn read_protected(path: &Path, limit: usize) -> Result<Vec<u8>, SecurityArgsError> {
    let unreadable = |source| SecurityArgsError::File { path: path.into(), source };
    let (file, _) = open_regular(path).map_err(io::Error::other).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    Protection::Integrity.require(path, &metadata).map_err(SecurityArgsError::Unprotected)?;
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
