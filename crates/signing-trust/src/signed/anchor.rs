use std::sync::{Arc, Mutex};

use super::{SeenDocuments, TrustRoot, VersionMemory};
use crate::document_error::VersionMemoryError;

/// What signed trust is verified from: a root that was pinned, and the memory of what was
/// verified from it before.
#[derive(Clone, Debug)]
pub struct TrustAnchor {
    root: TrustRoot,
    memory: Arc<dyn VersionMemory>,
}

impl TrustAnchor {
    /// Verifies from `root`, and refuses what is older than `memory` has seen.
    pub fn new(root: TrustRoot, memory: Arc<dyn VersionMemory>) -> Self {
        Self { root, memory }
    }

    /// The root that was pinned.
    pub fn root(&self) -> &TrustRoot {
        &self.root
    }

    /// What `admit` says of what was seen. A memory that never asks it remembers nothing.
    pub(crate) fn update_memory<T>(
        &self,
        mut admit: impl FnMut(&mut SeenDocuments) -> T,
    ) -> Result<T, VersionMemoryError> {
        let mut outcome = None;
        self.memory.update(&mut |seen| outcome = Some(admit(seen)))?;
        outcome.ok_or(VersionMemoryError::Unasked)
    }
}

/// With a memory that ends with the process.
impl From<TrustRoot> for TrustAnchor {
    fn from(root: TrustRoot) -> Self {
        Self::new(root, Arc::new(Mutex::new(SeenDocuments::default())))
    }
}
