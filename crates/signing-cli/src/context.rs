use std::env;
use std::future::Future;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use signing_crypto::{ActorName, KeyEncryptionKey};
use signing_loader::Protection;
use signing_trust::KeyManager;
use signing_trust::store::{DatabaseUrl, Store, StoreError};
use zeroize::Zeroizing;

use crate::cli::{Global, OrgReference};
use crate::error::CliError;
use crate::files;
use crate::output::{self, Progress};

const DATABASE_URL: &str = "CLOACINA_DATABASE_URL";
const ORG: &str = "CLOACINA_ORG";
const ACTOR: &str = "CLOACINA_ACTOR";
const KEK: &str = "CLOACINA_KEY_ENCRYPTION_KEY";
const NEW_KEK: &str = "CLOACINA_NEW_KEY_ENCRYPTION_KEY";

/// The global options. Nothing is opened before a command needs it.
pub(crate) struct Context {
    database_url: Option<String>,
    kek_file: Option<PathBuf>,
    actor: Option<ActorName>,
    allow_insecure_database: bool,
    quiet: bool,
    /// Whether the terminal has room for a line that is overwritten.
    shows_progress: bool,
}

impl Context {
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            database_url: global.database_url.clone(),
            kek_file: global.kek_file.clone(),
            actor: global.actor.clone(),
            allow_insecure_database: global.danger_allow_insecure_database,
            quiet: global.quiet,
            shows_progress: !global.quiet && global.verbose == 0,
        }
    }

    /// Without the other options, for a store that is only read.
    pub(crate) fn for_reading(database_url: Option<String>) -> Self {
        Self {
            database_url,
            kek_file: None,
            actor: None,
            allow_insecure_database: false,
            quiet: true,
            shows_progress: false,
        }
    }

    /// Where the store is.
    pub(crate) fn database_url(&self) -> Result<DatabaseUrl, CliError> {
        if let Some(text) = &self.database_url {
            let url = self.parse_url(text)?;
            // Every user of the machine can read the command line.
            if url.has_password() {
                return Err(CliError::PasswordOnCommandLine);
            }
            return Ok(url);
        }
        match env::var(DATABASE_URL) {
            Ok(text) => self.parse_url(&text),
            Err(env::VarError::NotUnicode(_)) => Err(CliError::NotUnicode { var: DATABASE_URL }),
            Err(env::VarError::NotPresent) => {
                let directories =
                    etcetera::choose_base_strategy().map_err(|_| CliError::NoHomeDirectory)?;
                let path = directories.data_dir().join("cloacina").join("cloacina.db");
                Ok(DatabaseUrl::sqlite(path))
            }
        }
    }

    fn parse_url(&self, text: &str) -> Result<DatabaseUrl, CliError> {
        if !self.allow_insecure_database {
            return Ok(text.parse()?);
        }
        let url = DatabaseUrl::parse_danger_allow_insecure(text)?;
        if let Some(host) = url.unprotected_host() {
            output::warn(&format!(
                "no TLS proves that {host} is your database: any server that answers there decides \
                 whom this command trusts"
            ));
        }
        Ok(url)
    }

    /// The store, which must exist, for reading. Private keys stay closed.
    pub(crate) async fn keys(&self) -> Result<KeyManager, CliError> {
        Ok(KeyManager::new(Store::open_read_only(&self.database_url()?).await?, None))
    }

    /// The store, for reading, and the KEK that opens its private keys.
    pub(crate) async fn keys_with_kek(&self) -> Result<KeyManager, CliError> {
        let kek = self.kek()?;
        Ok(KeyManager::new(Store::open_read_only(&self.database_url()?).await?, Some(kek)))
    }

    /// The store, for changes. Private keys stay closed.
    pub(crate) async fn keys_to_change(&self) -> Result<KeyManager, CliError> {
        let actor = self.actor()?;
        let store = Store::open(&self.database_url()?).await?;
        Ok(KeyManager::new(store, None).with_actor(actor))
    }

    /// The store, for changes, and the KEK that opens its private keys.
    pub(crate) async fn keys_to_change_with_kek(&self) -> Result<KeyManager, CliError> {
        let kek = self.kek()?;
        let actor = self.actor()?;
        let store = Store::open(&self.database_url()?).await?;
        Ok(KeyManager::new(store, Some(kek)).with_actor(actor))
    }

    /// Who makes the changes, if the command line or the environment names somebody.
    fn actor(&self) -> Result<Option<ActorName>, CliError> {
        if let Some(actor) = &self.actor {
            return Ok(Some(actor.clone()));
        }
        match env::var(ACTOR) {
            Ok(text) => Ok(Some(text.parse().map_err(CliError::Actor)?)),
            Err(env::VarError::NotUnicode(_)) => Err(CliError::NotUnicode { var: ACTOR }),
            Err(env::VarError::NotPresent) => Ok(None),
        }
    }

    /// The organization that commands are about unless they name another.
    pub(crate) fn default_organization(&self) -> Result<Option<OrgReference>, CliError> {
        match env::var(ORG) {
            Ok(text) => Ok(Some(text.parse().map_err(CliError::OrganizationVariable)?)),
            Err(env::VarError::NotUnicode(_)) => Err(CliError::NotUnicode { var: ORG }),
            Err(env::VarError::NotPresent) => Ok(None),
        }
    }

    /// The same store, and the KEK that opens its private keys.
    pub(crate) fn with_kek(&self, keys: &KeyManager) -> Result<KeyManager, CliError> {
        Ok(keys.clone().with_kek(self.kek()?))
    }

    /// The store, for changes. A missing SQLite file is created, with a note: its path may be
    /// mistyped.
    pub(crate) async fn keys_in_new_or_old_store(&self) -> Result<KeyManager, CliError> {
        let (actor, url) = (self.actor()?, self.database_url()?);
        let store = match Store::open(&url).await {
            Err(StoreError::NoDatabase { path }) => {
                let (store, applied) = Store::migrate(&url).await?;
                // Otherwise another program made it meanwhile.
                if !applied.is_empty() && !self.quiet {
                    output::note(&format!("created the store {}", path.display()));
                }
                store
            }
            opened => opened?,
        };
        Ok(KeyManager::new(store, None).with_actor(actor))
    }

    pub(crate) fn progress(&self, total: usize) -> Progress {
        Progress::new(total, self.shows_progress)
    }

    fn kek(&self) -> Result<KeyEncryptionKey, CliError> {
        read_kek(self.kek_file.as_deref(), KEK)
    }

    /// The KEK to change to: from a file, or else from the environment.
    pub(crate) fn new_kek(&self, file: Option<&Path>) -> Result<KeyEncryptionKey, CliError> {
        read_kek(file, NEW_KEK)
    }
}

fn read_kek(file: Option<&Path>, var: &str) -> Result<KeyEncryptionKey, CliError> {
    let Some(path) = file else { return Ok(KeyEncryptionKey::from_env(var)?) };
    let bytes = Zeroizing::new(files::read_protected(path, Protection::Secrecy)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| signing_crypto::KekError::Encoding)?;
    Ok(KeyEncryptionKey::parse(text)?)
}

/// Runs an asynchronous command. Only those that use a store come here, so that
/// the others start no runtime.
pub(crate) fn block_on<T>(
    command: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CliError::Runtime)?
        .block_on(command)
}
