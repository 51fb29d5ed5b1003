use std::path::Path;

use serde_json::{Value, json};
use signing_crypto::{KeyName, Note, SigningKey};
use signing_trust::store::{RevocationReason, SigningKeyRecord};
use zeroize::Zeroizing;

use crate::cli::Format;
use crate::context::{Context, organization};
use crate::error::CliError;
use crate::files::{self, Existing, NewFile, Readers};
use crate::key_files;
use crate::output::{Lines, Report};
use crate::passphrase::PassphraseSource;
use crate::time;

/// Writes a new key pair to two files, the private key under a passphrase if there
/// is a source of one.
pub(super) fn generate_files(
    name: &str,
    private: &Path,
    existing: Existing,
    passphrase: Option<&PassphraseSource>,
) -> Result<Report, CliError> {
    let name: KeyName = name.parse()?;
    let public = key_files::public_key_path(private);
    if existing == Existing::Keep {
        for path in [&*public, private] {
            if path.symlink_metadata().is_ok() {
                return Err(CliError::FileExists { path: path.into() });
            }
        }
    }
    let passphrase = passphrase.map(PassphraseSource::new_passphrase).transpose()?;
    let key = SigningKey::generate().map_err(signing_trust::TrustError::from)?;
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
    let encrypted = if passphrase.is_some() { ", encrypted" } else { "" };
    let mut text = Lines::from(format!("generated {name}"));
    text.push(format!("fingerprint  {}", key.fingerprint()));
    text.push(format!("private key  {}{encrypted}", private.display()));
    text.push(format!("public key   {}", public.display()));
    let json = json!({
        "name": name.as_str(),
        "fingerprint": key.fingerprint().to_string(),
        "private_key": private.display().to_string(),
        "encrypted": passphrase.is_some(),
        "public_key": public.display().to_string(),
    });
    Ok(Report::told(text, json))
}

/// Makes a key in the store.
pub(super) async fn generate(context: &Context, name: &str, org: &str) -> Result<Report, CliError> {
    let name = name.parse()?;
    let keys = context.keys_to_change_with_kek().await?;
    let org = organization(&keys, org).await?;
    Ok(created("generated", &keys.create_signing_key(org.id, name).await?))
}

/// Puts a key from a file into the store.
pub(super) async fn import(
    context: &Context,
    name: &str,
    org: &str,
    path: &Path,
    passphrase: &PassphraseSource,
) -> Result<Report, CliError> {
    let name = name.parse()?;
    let key = key_files::read_signing_key(path, passphrase)?;
    let keys = context.keys_to_change_with_kek().await?;
    let org = organization(&keys, org).await?;
    Ok(created("imported", &keys.import_signing_key(org.id, name, &key).await?))
}

/// Prints the public half of a key in the store, derived from its private half.
pub(super) async fn export(
    context: &Context,
    id: &str,
    format: Format,
    output: Option<&Path>,
    existing: Existing,
) -> Result<Report, CliError> {
    let id = id.parse()?;
    let key = context.keys_with_kek().await?.export_public_key(id).await?;
    let public = match format {
        Format::Pem => key.to_pem(),
        Format::Raw => key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    let mut json = json!({
        "id": id.to_string(),
        "fingerprint": key.fingerprint().to_string(),
        "public_key": public,
    });
    let Some(path) = output else { return Ok(Report::verbatim(public, json)) };
    files::write_atomically(path, public.as_bytes(), Readers::Everybody, existing)?;
    json["file"] = path.display().to_string().into();
    Ok(Report::told(format!("wrote {}", path.display()), json))
}

/// Two files cannot be put in place at once. In whatever order they come, nobody
/// ever sees halves of two different pairs, nor loses the only private key.
fn put_pair_in_place(
    public: NewFile<'_>,
    private: NewFile<'_>,
    existing: Existing,
) -> Result<(), CliError> {
    match existing {
        // The public half first: alone, it opens nothing and can be replaced.
        Existing::Keep => {
            let path = public.path();
            public.put_in_place(existing)?;
            // Somebody else's private key may have come between.
            private.put_in_place(existing).inspect_err(|_| drop(files::remove(path)))
        }
        // A private key alone still signs, and gives its public half to whoever asks
        // (`openssl pkey -pubout`). An old public half beside it would be believed.
        Existing::Replace => {
            files::remove(public.path())?;
            private.put_in_place(existing)?;
            public.put_in_place(existing)
        }
    }
}

fn created(done: &str, key: &SigningKeyRecord) -> Report {
    let mut text = Lines::from(format!("{done} {}", key.name));
    text.push(format!("id           {}", key.id));
    text.push(format!("fingerprint  {}", key.fingerprint));
    text.push("not trusted yet, not even by its own organization");
    Report::told(text, signing_key_json(key))
}

pub(super) fn signing_key_json(key: &SigningKeyRecord) -> Value {
    json!({
        "id": key.id.to_string(),
        "org_id": key.org_id.to_string(),
        "name": key.name.as_str(),
        "fingerprint": key.fingerprint.to_string(),
        "created_at": time::text(&key.created_at),
        "revoked_at": key.revoked_at.as_ref().map(time::text),
        "reason": key.revocation_reason.map(RevocationReason::as_str),
        "note": key.revocation_note.as_ref().map(Note::as_str),
        "predecessor_id": key.predecessor_id.map(|id| id.to_string()),
    })
}
