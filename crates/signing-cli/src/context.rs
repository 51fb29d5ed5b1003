use std::cell::OnceCell;
use std::env;
use std::future::Future;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use signing_crypto::{ActorName, KeyEncryptionKey, NameError, shell_word};
use signing_trust::store::{
    DATABASE_URL_VARIABLE as DATABASE_URL, DatabaseUrl, RequiredTls, Store, StoreError, StoreReader,
};
use signing_trust::{KeyManager, TrustReader};

use crate::cli::Global;
use crate::error::CliError;
use crate::kek::{self, FoundKek, KekFile};
use crate::kek_place::KekPlace;
use crate::output::{self, Progress};
use crate::places::data_file;

const ORG: &str = "CLOACINA_ORG";
const ACTOR: &str = "CLOACINA_ACTOR";

/// The global options. Nothing is opened before a command needs it.
#[derive(Default)]
pub(crate) struct Context {
    database_url: Option<String>,
    /// Where the store is, once it was asked for.
    url: OnceCell<DatabaseUrl>,
    kek_file: Option<PathBuf>,
    /// Where the KEK was found that the command uses.
    kek_place: OnceCell<KekPlace>,
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
            url: OnceCell::new(),
            kek_file: global.kek_file.clone(),
            kek_place: OnceCell::new(),
            actor: global.actor.clone(),
            allow_insecure_database: global.danger_allow_insecure_database,
            quiet: global.quiet,
            shows_progress: !global.quiet && global.verbose == 0,
        }
    }

    /// Without the other options, for a store that is only read.
    pub(crate) fn for_reading(database_url: Option<String>) -> Self {
        Self { database_url, quiet: true, ..Self::default() }
    }

    /// Where the store is. What is dangerous about that is said once.
    pub(crate) fn database_url(&self) -> Result<DatabaseUrl, CliError> {
        if let Some(url) = self.url.get() {
            return Ok(url.clone());
        }
        let url = self.find_database_url()?;
        Ok(self.url.get_or_init(|| url).clone())
    }

    fn find_database_url(&self) -> Result<DatabaseUrl, CliError> {
        let tls = match self.allow_insecure_database {
            true => RequiredTls::DangerNone,
            false => RequiredTls::Verified,
        };
        let Some(url) = DatabaseUrl::given(self.database_url.as_deref(), tls)? else {
            return Ok(DatabaseUrl::sqlite(data_file("cloacina.db")?));
        };
        if let Some(host) = url.unprotected_host() {
            output::warn(&format!(
                "no TLS proves that {host} is your database: any server that answers there decides \
                 whom this command trusts"
            ));
        }
        Ok(url)
    }

    /// The store, to read from.
    pub(crate) async fn open_to_read(&self) -> Result<TrustReader, CliError> {
        Ok(StoreReader::open(&self.database_url()?).await?.into())
    }

    /// The same, with the KEK that opens its private keys. Without a store, it is the store that
    /// is missing.
    pub(crate) async fn open_to_read_with_kek(&self) -> Result<TrustReader, CliError> {
        let keys = self.open_to_read().await?;
        Ok(keys.with_kek(self.kek()?))
    }

    /// The store for a command that changes it, or for the command's dry run.
    pub(crate) async fn open(&self, dry_run: bool) -> Result<Opened, CliError> {
        Ok(match dry_run {
            true => Opened::ToRead(self.open_to_read().await?),
            false => Opened::ToChange(self.open_to_change().await?),
        })
    }

    /// The store as it lies there: not even an interrupted change is undone.
    pub(crate) async fn open_to_inspect(&self) -> Result<TrustReader, CliError> {
        Ok(StoreReader::open_to_inspect(&self.database_url()?).await?.into())
    }

    /// The store, to keep signatures in it, which change nobody's trust.
    pub(crate) async fn open_to_keep_signatures(&self) -> Result<KeyManager, CliError> {
        self.manage(Store::open(&self.database_url()?).await?)
    }

    /// The store, for changes.
    pub(crate) async fn open_to_change(&self) -> Result<KeyManager, CliError> {
        self.manage(self.store_to_change().await?)
    }

    /// The same, with the KEK that opens its private keys.
    pub(crate) async fn open_to_change_with_kek(&self) -> Result<KeyManager, CliError> {
        let keys = self.open_to_change().await?;
        Ok(keys.with_kek(self.kek()?))
    }

    /// The store, for changes. A missing SQLite file is created, with a note: its path may be
    /// mistyped.
    pub(crate) async fn open_or_create(&self) -> Result<KeyManager, CliError> {
        let url = self.database_url()?;
        let store = match Store::open(&url).await {
            Err(StoreError::NoDatabase { path }) => {
                let (store, applied) = Store::migrate(&url).await?;
                match applied.is_empty() {
                    false if !self.quiet => {
                        output::note(&format!("created the store {}", path.display()));
                    }
                    false => {}
                    // Another program made it meanwhile.
                    true => self.note_default_store(&url),
                }
                store
            }
            opened => {
                let store = opened?;
                self.note_default_store(&url);
                store
            }
        };
        self.manage(store)
    }

    /// The store itself, for changes.
    pub(crate) async fn store_to_change(&self) -> Result<Store, CliError> {
        let url = self.database_url()?;
        let store = Store::open(&url).await?;
        self.note_default_store(&url);
        Ok(store)
    }

    fn manage(&self, store: Store) -> Result<KeyManager, CliError> {
        Ok(KeyManager::new(store, None).with_actor(self.actor()?))
    }

    /// Names the store that a command changes if nobody has named it: one that was left here
    /// could be taken for the one of production.
    pub(crate) fn note_default_store(&self, url: &DatabaseUrl) {
        let is_named = self.database_url.is_some() || env::var_os(DATABASE_URL).is_some();
        if !is_named && !self.quiet {
            output::note(&format!(
                "this command uses the default store, {url}: neither --database-url nor {DATABASE_URL} \
                 names another"
            ));
        }
    }

    /// Who makes the changes, if the command line or the environment names somebody.
    pub(crate) fn actor(&self) -> Result<Option<ActorName>, CliError> {
        if let Some(actor) = &self.actor {
            return Ok(Some(actor.clone()));
        }
        variable(ACTOR)?.map(|text| text.parse().map_err(CliError::Actor)).transpose()
    }

    /// The organization that commands are about unless they name another: a reference to one, or
    /// the name of one that may not exist yet.
    pub(crate) fn default_organization<O>(&self) -> Result<Option<O>, CliError>
    where
        O: FromStr<Err = NameError>,
    {
        let parse = |text: String| text.parse().map_err(CliError::OrganizationVariable);
        variable(ORG)?.map(parse).transpose()
    }

    /// The lines by which other commands find a store and a KEK that only this command line
    /// names.
    pub(crate) fn exports(&self, url: &DatabaseUrl, kek: &KekPlace) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(given) = &self.database_url {
            let shown = url.to_string();
            let url = match (url.sqlite_path(), shown.rsplit_once("?owner=")) {
                // What is shown of it lacks the parameters.
                (None, _) => given.clone(),
                (Some(path), None) => absolute(path),
                (Some(path), Some((_, owner))) => {
                    format!("sqlite://{}?owner={owner}", absolute(path))
                }
            };
            lines.push(format!("export {DATABASE_URL}={}", shell_word(&url)));
        }
        if let (KekPlace::Option { .. }, Some(path)) = (kek, kek.path()) {
            lines.push(format!("export {}={}", kek::FILE_VARIABLE, shell_word(absolute(path))));
        }
        lines
    }

    pub(crate) fn progress(&self, total: usize) -> Progress {
        Progress::new(total, self.shows_progress)
    }

    /// The KEK, which must be given.
    pub(crate) fn kek(&self) -> Result<KeyEncryptionKey, CliError> {
        self.found_kek()?.map(|found| found.key).ok_or(CliError::NoKek)
    }

    /// The KEK, if one is given.
    pub(crate) fn found_kek(&self) -> Result<Option<FoundKek>, CliError> {
        let found = kek::find(self.kek_file.as_deref())?;
        if let Some(FoundKek { place, .. }) = &found {
            // A second reading is from the same place.
            let _ = self.kek_place.set(place.clone());
        }
        Ok(found)
    }

    /// The KEK, or the file where it is missing.
    pub(crate) fn kek_or_its_file(&self) -> Result<KekFile, CliError> {
        let found = kek::find_or_file(self.kek_file.as_deref())?;
        let _ = self.kek_place.set(found.place().clone());
        Ok(found)
    }

    /// Where the KEK was found that the command has used.
    pub(crate) fn kek_place(&self) -> Option<&KekPlace> {
        self.kek_place.get()
    }
}

/// A store that is open for a command, or for its dry run.
pub(crate) enum Opened {
    ToRead(TrustReader),
    ToChange(KeyManager),
}

impl Opened {
    pub(crate) fn with_kek(self, kek: KeyEncryptionKey) -> Self {
        match self {
            Self::ToRead(keys) => Self::ToRead(keys.with_kek(kek)),
            Self::ToChange(keys) => Self::ToChange(keys.with_kek(kek)),
        }
    }
}

impl Deref for Opened {
    type Target = TrustReader;

    fn deref(&self) -> &TrustReader {
        match self {
            Self::ToRead(keys) => keys,
            Self::ToChange(keys) => keys,
        }
    }
}

/// What an environment variable holds, if it is set.
fn variable(var: &'static str) -> Result<Option<String>, CliError> {
    match env::var(var) {
        Ok(text) => Ok(Some(text)),
        Err(env::VarError::NotUnicode(_)) => Err(CliError::NotUnicode { var }),
        Err(env::VarError::NotPresent) => Ok(None),
    }
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.into()).display().to_string()
}

/// Runs an asynchronous command. Only those that use a store come here, so that
/// the others start no runtime.
pub(crate) fn block_on<T>(
    command: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CliError::Runtime)?;
    let done = runtime.block_on(command);
    // A query of SQLite's that does not end would keep the answer from being printed.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}
