use std::fs::File;
use std::path::Path;

use serde_json::{Value, json};
use signing_crypto::{OrgId, SignatureEnvelope};
use signing_trust::KeyManager;

use super::Signer;
use super::prepare::{Prepared, read};
use crate::error::{CliError, Place};
use crate::files::{self, Existing, Readers};
use crate::output::{Lines, Report};

/// How often a signature is made anew because others keep theirs meanwhile. Each time one
/// of them is done, and an envelope has room for 16.
const ATTEMPTS: usize = 32;

/// What became of one package.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Signed,
    Added,
    AlreadySigned,
}

/// What was signed so far.
#[derive(Default)]
pub(super) struct Signed {
    text: Lines,
    documents: Vec<Value>,
}

impl Signed {
    /// Keeps a signature in the store. If somebody else has kept one meanwhile, it is
    /// made again in the knowledge of that, so that none of two who add is lost.
    pub(super) async fn keep(
        &mut self,
        (keys, org): (&KeyManager, OrgId),
        prepared: &mut Prepared,
        (mut envelope, mut act): (SignatureEnvelope, Act),
        signer: &Signer<'_>,
        existing: Existing,
    ) -> Result<(), CliError> {
        let mut attempts = 0..ATTEMPTS;
        let id = loop {
            let stored = match prepared.in_store() {
                Some(kept) => keys.store_signature_beside(kept, &envelope).await?,
                None => Some(keys.store_signature(org, &envelope).await?),
            };
            match (stored, attempts.next()) {
                (Some(stored), _) => break stored.into_inner(),
                (None, None) => return Err(CliError::ChangedMeanwhile { place: Place::Store }),
                (None, Some(_)) => prepared.look_in_store(keys, org).await?,
            }
            (envelope, act) = signer.sign(prepared).await?;
        };
        self.write(prepared, (&envelope, act), existing)?;
        if let Some(document) = self.documents.last_mut() {
            document["signature_id"] = id.to_string().into();
        }
        self.text.push(format!("  in the store as {id}"));
        Ok(())
    }

    pub(super) fn write(
        &mut self,
        prepared: &Prepared,
        (envelope, act): (&SignatureEnvelope, Act),
        existing: Existing,
    ) -> Result<(), CliError> {
        if let Some(path) = &prepared.file {
            match prepared.in_file() {
                Some(_) if act == Act::AlreadySigned => {}
                Some(found) => replace(path, found, envelope)?,
                None => write(path, envelope, existing)?,
            }
        }
        self.say(prepared, envelope, act)
    }

    fn say(
        &mut self,
        prepared: &Prepared,
        envelope: &SignatureEnvelope,
        act: Act,
    ) -> Result<(), CliError> {
        let statement = envelope.unverified_statement().map_err(signing_trust::TrustError::from)?;
        let (path, name) = (prepared.package().path().display(), statement.name());
        let count = envelope.signatures().len();
        self.text.push(match act {
            Act::Signed => format!("signed {path} as {name}"),
            Act::Added => format!("signed {path} as {name}, as one of {count}"),
            Act::AlreadySigned => format!("{path} is signed as {name} by this key already"),
        });
        // Who adds a signature also signs what others have said.
        if let Some(version) = statement.version() {
            self.text.push(format!("  version {version}"));
        }
        if let Some(expires_at) = statement.expires_at() {
            self.text.push(format!("  expires {expires_at}"));
        }
        if let Some(file) = &prepared.file {
            self.text.push(format!("  in {}", file.display()));
        }
        self.documents.push(json!({
            "path": path.to_string(),
            "outcome": match act {
                Act::Signed => "signed",
                Act::Added => "added",
                Act::AlreadySigned => "already_signed",
            },
            "name": name.as_str(),
            "sha256": statement.digest().to_string(),
            "size": statement.size(),
            "version": statement.version().map(ToString::to_string),
            "expires_at": statement.expires_at().map(|time| time.to_string()),
            "signatures": count,
            "signature": prepared.file.as_ref().map(|path| path.display().to_string()),
        }));
        Ok(())
    }

    pub(super) fn report(self) -> Report {
        Report::told(self.text, Value::Array(self.documents))
    }
}

fn write(path: &Path, envelope: &SignatureEnvelope, existing: Existing) -> Result<(), CliError> {
    files::write_atomically(path, envelope.to_json().as_bytes(), Readers::Everybody, existing)
}

/// Puts an envelope in the place of the one that it was made from, unless another
/// process has put one there meanwhile: its signature would be lost.
fn replace(
    path: &Path,
    found: &SignatureEnvelope,
    envelope: &SignatureEnvelope,
) -> Result<(), CliError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let failed = |source| CliError::Write { path: path.into(), source };
    let directory = File::open(directory).map_err(failed)?;
    // Where the file system has no locks, looking again is all that can be done.
    let _ = directory.lock();
    if read(path)?.as_ref() != Some(found) {
        return Err(CliError::ChangedMeanwhile { place: Place::File(path.into()) });
    }
    write(path, envelope, Existing::Replace)
}
