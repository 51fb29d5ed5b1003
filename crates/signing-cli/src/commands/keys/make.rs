use std::path::Path;

use serde::Serialize;
use signing_crypto::{Fingerprint, KeyId, KeyName, OrgName, PemError, PemForm, SigningKey};
use signing_trust::TrustError;
use signing_trust::store::{OrganizationRecord, SigningKeyRecord, StoreError};
use zeroize::Zeroizing;

use crate::cli::{Format, KeyReference, OrgReference};
use crate::context::Context;
use crate::error::{CliError, several};
use crate::files::{self, Existing, NewFile, Readers};
use crate::key_files;
use crate::key_source::KeySource;
use crate::lines::Lines;
use crate::output::{Report, require_reader};
use crate::passphrase::PassphraseSource;
use crate::select;
use crate::view::{SigningKeyView, View, json_documents};

/// Writes a new key pair to two files. The private key is encrypted if there is a source of
/// a passphrase.
pub(super) fn generate_files(
    name: &KeyName,
    private: &Path,
    existing: Existing,
    passphrase: Option<&PassphraseSource>,
) -> Result<Report, CliError> {
    let fingerprint = write_pair(private, existing, passphrase)?;
    Ok(Report::done(&KeyFilesView {
        name,
        fingerprint,
        private_key: private.display().to_string(),
        encrypted: passphrase.is_some(),
        public_key: key_files::public_key_path(private).display().to_string(),
    }))
}

/// Makes a key pair, writes it to two files, and gives its fingerprint.
pub(in crate::commands) fn write_pair(
    private: &Path,
    existing: Existing,
    passphrase: Option<&PassphraseSource>,
) -> Result<Fingerprint, CliError> {
    let public = key_files::public_key_path(private);
    Existing::Keep.require_vacant(private).map_err(files::not_replaced)?;
    existing.require_vacant(&public)?;
    let passphrase = passphrase.map(PassphraseSource::new_passphrase).transpose()?;
    let key = SigningKey::generate().map_err(TrustError::from)?;
    let private_pem = match &passphrase {
        Some(passphrase) => Zeroizing::new(key.to_encrypted_pem(passphrase)?),
        None => key.to_pem(),
    };
    let public_pem = key.verifying_key().to_pem();
    put_pair_in_place(
        NewFile::write(&public, public_pem.as_bytes(), Readers::Everybody)?,
        NewFile::write(private, private_pem.as_bytes(), Readers::Owner)?,
        existing,
    )?;
    Ok(key.fingerprint())
}

/// Makes a key in the store.
pub(super) async fn generate(
    context: &Context,
    name: KeyName,
    org: Option<&OrgReference>,
) -> Result<Report, CliError> {
    let keys = context.open_to_change_with_kek().await?;
    let org = select::organization_or_default(context, &keys, org).await?;
    let key = keys.create_signing_key(org.id, name).await?;
    Ok(Report::done(&StoredKeyView::of("generated", &key, Some(&[]))))
}

/// Puts a key from a file into the store.
pub(super) async fn import(
    context: &Context,
    name: KeyName,
    org: Option<&OrgReference>,
    path: &Path,
    passphrase: &PassphraseSource,
) -> Result<Report, CliError> {
    // A file of such a name is given as ./agent:name.
    if !matches!(KeySource::parse(path.into()), Ok(KeySource::File(_))) {
        return Err(CliError::KeyStaysElsewhere);
    }
    let key = key_files::read_signing_key(path, passphrase).map_err(|error| match error {
        CliError::KeyFile {
            path,
            source: source @ PemError::WrongForm { found: PemForm::OpensshPrivateKey, .. },
        } => CliError::OpensshKeyToImport { path, source },
        error => error,
    })?;
    let keys = context.open_to_change_with_kek().await?;
    let org = select::organization_or_default(context, &keys, org).await?;
    match keys.import_signing_key(org.id, name, &key).await {
        Ok(key) => {
            // The key is kept, so what comes now is no error of the command.
            let trusting = keys.store().organizations_trusting(key.fingerprint).await.ok();
            let names = |(org, _): (OrganizationRecord, _)| org.name;
            let trusting: Option<Vec<_>> =
                trusting.map(|trusting| trusting.into_iter().map(names).collect());
            Ok(Report::done(&StoredKeyView::of("imported", &key, trusting.as_deref())))
        }
        Err(error @ TrustError::Store(StoreError::SigningKeyExists)) => {
            let held = keys.store().signing_keys(org.id).await?;
            let held = held.into_iter().find(|held| held.fingerprint == key.fingerprint());
            let Some(SigningKeyRecord { id, name, revoked_at, .. }) = held else {
                return Err(error.into());
            };
            let is_revoked = revoked_at.is_some();
            Err(CliError::SigningKeyHeld { org: org.name, name, id, is_revoked })
        }
        Err(error) => Err(error.into()),
    }
}

/// Prints the public half of a key in the store, derived from its private half.
pub(super) async fn export(
    context: &Context,
    (org, named): (Option<&OrgReference>, &KeyReference),
    format: Format,
    output: Option<&Path>,
    existing: Existing,
) -> Result<Report, CliError> {
    if output.is_none() {
        require_reader()?;
    }
    let keys = context.open_to_read_with_kek().await?;
    let id = select::signing_key(context, &keys, org, named).await?;
    let key = keys.export_public_key(id).await?;
    let public_key = match format {
        Format::Pem => key.to_pem(),
        Format::Raw => key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    let file = output.map(|path| path.display().to_string());
    let view = ExportView { id, fingerprint: key.fingerprint(), public_key: &public_key, file };
    let Some(path) = output else { return Ok(Report::verbatim(public_key.clone(), &view)) };
    files::write_atomically(path, public_key.as_bytes(), Readers::Everybody, existing)?;
    Ok(Report::done(&view))
}

/// Two files cannot be put in place at once. The order is such that nobody ever sees halves
/// of two different pairs. A private key replaces nothing: what is there may be the only copy
/// of another one, in whichever form.
fn put_pair_in_place(
    public: NewFile<'_>,
    private: NewFile<'_>,
    existing: Existing,
) -> Result<(), CliError> {
    let put =
        |private: NewFile<'_>| private.put_in_place(Existing::Keep).map_err(files::not_replaced);
    match existing {
        // The public half first: alone, it opens nothing and can be replaced.
        Existing::Keep => {
            let path = public.path();
            public.put_in_place(existing)?;
            // Somebody else's private key may have come between.
            put(private).inspect_err(|_| drop(files::remove(path)))
        }
        // A private key alone still signs, and `openssl pkey -pubout` prints its public half.
        // An old public half beside it would be believed.
        Existing::Replace => {
            public.require_replaceable()?;
            files::remove(public.path())?;
            put(private)?;
            public.put_in_place(existing)
        }
    }
}

json_documents! {
    "keys generate": StoredKeyView<'static>,
    "keys generate": KeyFilesView<'static>,
    "keys import": StoredKeyView<'static>,
    "keys export": ExportView<'static>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct KeyFilesView<'a> {
    name: &'a KeyName,
    fingerprint: Fingerprint,
    private_key: String,
    encrypted: bool,
    public_key: String,
}

impl View for KeyFilesView<'_> {
    fn text(&self) -> Lines {
        let encrypted = if self.encrypted { ", encrypted" } else { "" };
        let mut text = Lines::from(format!("generated {}", self.name));
        text.push(format!("fingerprint  {}", self.fingerprint));
        text.push(format!("private key  {}{encrypted}", self.private_key));
        text.push(format!("public key   {}", self.public_key));
        text
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StoredKeyView<'a> {
    #[serde(flatten)]
    key: SigningKeyView<'a>,
    #[serde(skip)]
    done: &'static str,
    /// The organizations that trust it themselves, if that is known.
    #[serde(skip)]
    trusting: Option<&'a [OrgName]>,
}

impl<'a> StoredKeyView<'a> {
    fn of(done: &'static str, key: &'a SigningKeyRecord, trusting: Option<&'a [OrgName]>) -> Self {
        Self { key: SigningKeyView::of(key), done, trusting }
    }
}

impl View for StoredKeyView<'_> {
    fn text(&self) -> Lines {
        let mut text = Lines::from(format!("{} {}", self.done, self.key.name));
        text.push(format!("id           {}", self.key.id));
        text.push(format!("fingerprint  {}", self.key.fingerprint));
        match self.trusting {
            Some([]) => text.push("no organization trusts it yet, not even its own"),
            Some(trusting) => text.push(format!("trusted by   {}", several(trusting))),
            None => {}
        }
        text
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ExportView<'a> {
    id: KeyId,
    fingerprint: Fingerprint,
    public_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

impl View for ExportView<'_> {
    fn text(&self) -> Lines {
        let mut text = Lines::new();
        text.extend(self.file.as_ref().map(|file| format!("wrote {file}")));
        text
    }
}
