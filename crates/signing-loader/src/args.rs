use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use signing_crypto::{PemError, VerifyingKey};
use signing_trust::PinnedKeys;
use thiserror::Error;

#[cfg(feature = "store")]
mod organization;

use crate::{
    LoadedPackage, PackageError, PackagePath, RequiredSigners, SignatureSource, SignerCount,
    VerificationConfig, danger_load_unsigned, verify_and_load_package_offline,
};

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
/// `--trust-key` or `--org` without `--require-signatures` is a usage error, so
/// that nobody believes to be protected who is not.
#[derive(Args, Clone)]
pub struct SecurityArgs {
    /// Load only packages that a trusted key has signed
    #[cfg_attr(feature = "store", arg(long, requires = "trust"))]
    #[cfg_attr(not(feature = "store"), arg(long, requires = "trust_key"))]
    require_signatures: bool,

    /// Trust the public key in this PEM file (may be repeated)
    #[arg(long, value_name = "PEM", requires = "require_signatures", group = "trust")]
    trust_key: Vec<PathBuf>,

    /// Trust what this organisation (name or id) trusts
    #[cfg(feature = "store")]
    #[arg(
        long,
        value_name = "ORG",
        requires = "require_signatures",
        conflicts_with = "trust_key",
        group = "trust"
    )]
    org: Option<String>,

    /// How many distinct trusted keys must have signed a package, 1 to 16
    #[arg(long, value_name = "N", requires = "require_signatures")]
    required_signers: Option<SignerCount>,

    /// Count as many of them as are of distinct organisations
    #[cfg(feature = "store")]
    #[arg(long, requires = "required_signers", conflicts_with = "trust_key")]
    distinct_orgs: bool,

    /// How many seconds after it ended a signature, or trust in a key, still counts
    #[arg(long, value_name = "SECONDS", requires = "require_signatures")]
    clock_skew_allowance: Option<u64>,

    /// The store to ask: postgres://… or a SQLite file
    #[cfg(feature = "store")]
    #[arg(long, value_name = "URL", env = "CLOACINA_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,

    /// Connect to Postgres over TCP without verified TLS: whatever answers decides whom
    /// this program trusts
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
            .finish_non_exhaustive()
    }
}

/// What the options come to: ready to load packages.
#[derive(Debug)]
pub struct Security {
    config: VerificationConfig,
    trust: Trust,
}

/// Whose signatures count.
#[derive(Debug)]
enum Trust {
    /// Nobody's: signatures are not required.
    Unsigned,
    Pinned(PinnedKeys),
    #[cfg(feature = "store")]
    Organization(organization::Organization),
}

/// Options that cannot be followed. Nothing was loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SecurityArgsError {
    /// A key file could not be read.
    #[error("cannot read the key file {}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key file holds something else.
    #[error("cannot trust the key in {}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PemError,
    },
    /// An organisation without a store to find it in.
    #[error("--org needs a store: give --database-url or CLOACINA_DATABASE_URL")]
    NoStore,
    /// The database URL is not one.
    #[cfg(feature = "store")]
    #[error("the database URL cannot be used")]
    DatabaseUrl(#[from] signing_trust::store::UrlError),
    /// The text is neither an organisation's id nor a name.
    #[cfg(feature = "store")]
    #[error("--org names no organisation")]
    OrganizationName(#[from] signing_crypto::NameError),
    /// The store could not be opened, or does not know the organisation.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Store(#[from] signing_trust::store::StoreError),
}

impl SecurityArgs {
    /// Reads the key files, or opens the store and finds the organisation.
    pub async fn resolve(&self) -> Result<Security, SecurityArgsError> {
        let config = VerificationConfig {
            required_signers: self.required_signers(),
            clock_skew_allowance: self.clock_skew_allowance(),
            ..Default::default()
        };
        if !self.require_signatures {
            return Ok(Security { config, trust: Trust::Unsigned });
        }
        #[cfg(feature = "store")]
        if let Some(org) = &self.org {
            let url = self.database_url.as_deref().ok_or(SecurityArgsError::NoStore)?;
            let url = match self.danger_allow_insecure_database {
                true => insecure_url(url)?,
                false => url.parse()?,
            };
            let organization = organization::Organization::find(org, &url).await?;
            return Ok(Security { config, trust: Trust::Organization(organization) });
        }
        let keys: Result<PinnedKeys, _> =
            self.trust_key.iter().map(|path| read_key(path)).collect();
        Ok(Security { config, trust: Trust::Pinned(keys?) })
    }

    fn required_signers(&self) -> RequiredSigners {
        let count = self.required_signers.unwrap_or(SignerCount::ONE);
        #[cfg(feature = "store")]
        if self.distinct_orgs {
            return RequiredSigners::Organizations(count);
        }
        RequiredSigners::Keys(count)
    }

    fn clock_skew_allowance(&self) -> Duration {
        Duration::from_secs(self.clock_skew_allowance.unwrap_or(0))
    }
}

/// Warns of what is given up by whoever asked for it.
#[cfg(feature = "store")]
fn insecure_url(
    text: &str,
) -> Result<signing_trust::store::DatabaseUrl, signing_trust::store::UrlError> {
    let url = signing_trust::store::DatabaseUrl::parse_danger_allow_insecure(text)?;
    if let Some(host) = url.unprotected_host() {
        tracing::warn!(
            host,
            "no TLS proves that this is the database: whatever answers there decides whom to trust"
        );
    }
    Ok(url)
}

impl Security {
    /// Verifies a package, if signatures are required, and loads it.
    ///
    /// # Errors
    ///
    /// As [`VerifiedPackage::load`](crate::VerifiedPackage::load), or without
    /// `--require-signatures` as [`danger_load_unsigned`].
    pub async fn load(&self, path: impl Into<PackagePath>) -> Result<LoadedPackage, PackageError> {
        let source = SignatureSource::Auto;
        match &self.trust {
            Trust::Unsigned => danger_load_unsigned(path),
            Trust::Pinned(keys) => {
                verify_and_load_package_offline(path, &self.config, keys, source)
            }
            #[cfg(feature = "store")]
            Trust::Organization(organization) => {
                organization.load(path.into(), &self.config, source).await
            }
        }
    }
}

fn read_key(path: &Path) -> Result<VerifyingKey, SecurityArgsError> {
    let bytes = crate::open::read_bounded(path, signing_crypto::MAX_PEM_SIZE)
        .map_err(|source| SecurityArgsError::KeyFile { path: path.into(), source })?;
    VerifyingKey::from_pem(&bytes)
        .map_err(|source| SecurityArgsError::Key { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        security: SecurityArgs,
    }

    fn required(arguments: &[&str]) -> Option<RequiredSigners> {
        let words = ["runner"].iter().chain(arguments);
        Some(Cli::try_parse_from(words).ok()?.security.required_signers())
    }

    #[test]
    fn one_trusted_key_must_have_signed_unless_more_are_asked_for() {
        let three = SignerCount::new(3).unwrap();
        let pinned = ["--require-signatures", "--trust-key", "a.pem"];
        assert_eq!(required(&pinned), Some(RequiredSigners::default()));
        let more = [&pinned[..], &["--required-signers", "3"]].concat();
        assert_eq!(required(&more), Some(RequiredSigners::Keys(three)));
        for count in ["0", "17", "-1", "all"] {
            assert_eq!(required(&[&pinned[..], &["--required-signers", count]].concat()), None);
        }
        assert_eq!(required(&["--required-signers", "3"]), None);
    }

    #[test]
    fn no_clock_is_allowed_to_be_ahead_unless_so_many_seconds_are_asked_for() {
        let allowance = |more: &[&str]| {
            let words = [&["runner", "--trust-key", "a.pem", "--require-signatures"], more];
            let parsed = Cli::try_parse_from(words.concat()).ok()?;
            Some(parsed.security.clock_skew_allowance())
        };
        assert_eq!(allowance(&[]), Some(Duration::ZERO));
        let thirty = Some(Duration::from_secs(30));
        assert_eq!(allowance(&["--clock-skew-allowance", "30"]), thirty);
        for wrong in ["-1", "30s", "1.5", "", "for ever"] {
            assert_eq!(allowance(&["--clock-skew-allowance", wrong]), None, "{wrong}");
        }
        let alone = ["runner", "--clock-skew-allowance", "30"];
        assert!(Cli::try_parse_from(alone).is_err());
    }

    #[test]
    #[cfg(feature = "store")]
    fn distinct_organisations_need_an_organisation_that_tells_them_apart() {
        let three = SignerCount::new(3).unwrap();
        let distinct = ["--require-signatures", "--required-signers", "3", "--distinct-orgs"];
        let by_org = [&distinct[..], &["--org", "acme"]].concat();
        assert_eq!(required(&by_org), Some(RequiredSigners::Organizations(three)));
        assert_eq!(required(&[&distinct[..], &["--trust-key", "a.pem"]].concat()), None);
        let uncounted = ["--require-signatures", "--org", "acme", "--distinct-orgs"];
        assert_eq!(required(&uncounted), None);
    }
}
