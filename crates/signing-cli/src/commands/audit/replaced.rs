use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use signing_crypto::{AuditCheckpoint, OrgId, SignedCheckpoint};

use super::verify::read_bounded;
use crate::error::CliError;

/// The checkpoints in a file that is to be replaced, by the log that each is about. Each needs a
/// successor: they may be the only evidence of a log that was cut off or removed.
#[derive(Default)]
pub(super) struct Replaced {
    path: PathBuf,
    checkpoints: BTreeMap<OrgId, Vec<AuditCheckpoint>>,
}

impl Replaced {
    /// Nobody says who signed them, so no signature is checked. A file of something else holds no
    /// checkpoints.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let mut replaced = Self { path: path.into(), ..Self::default() };
        if !path.exists() {
            return Ok(replaced);
        }
        for line in read_bounded(path)?.split(|&byte| byte == b'\n') {
            let Ok(signed) = SignedCheckpoint::parse(line) else { continue };
            if let Ok(checkpoint) = signed.unverified_checkpoint() {
                replaced.checkpoints.entry(checkpoint.org).or_default().push(checkpoint);
            }
        }
        Ok(replaced)
    }

    /// Takes those that the log of `org` must continue from.
    pub(super) fn of(&mut self, org: OrgId) -> Vec<AuditCheckpoint> {
        self.checkpoints.remove(&org).unwrap_or_default()
    }

    /// Fails if the file has a checkpoint that was not taken.
    pub(super) fn require_none_left(mut self) -> Result<(), CliError> {
        match self.checkpoints.pop_first().and_then(|(_, mut checkpoints)| checkpoints.pop()) {
            Some(AuditCheckpoint { org, org_name: name, .. }) => {
                Err(CliError::CheckpointNotReplaced { path: self.path, org, name })
            }
            None => Ok(()),
        }
    }
}
