//! The fingerprints of keys that are in files, as people read them to each other.

use std::path::PathBuf;

use serde::Serialize;
use signing_crypto::Fingerprint;

use crate::error::CliError;
use crate::key_files;
use crate::lines::Lines;
use crate::output::Report;
use crate::view::json_documents;

/// Prints the fingerprint of each file that has one, and says why the others have none.
pub(super) fn fingerprint(files: &[PathBuf]) -> Result<Report, CliError> {
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for path in files {
        let file = path.display().to_string();
        match key_files::read_fingerprint(path) {
            Ok(fingerprint) => found.push(FingerprintView { fingerprint, file }),
            Err(error) => refused.push((file, error)),
        }
    }
    let mut text = Lines::new();
    text.extend(found.iter().map(|key| format!("{}  {}", key.fingerprint, key.file)));
    let mut report = Report::requested_as(text, &found);
    refused.into_iter().for_each(|(file, error)| report.refuse(file, error));
    Ok(report)
}

json_documents! { "keys fingerprint": Vec<FingerprintView> }

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct FingerprintView {
    fingerprint: Fingerprint,
    file: String,
}
