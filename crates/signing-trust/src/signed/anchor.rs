use std::sync::{Arc, Mutex, PoisonError};

use super::{SeenDocuments, TrustRoot, VersionMemory};
use crate::document_error::{SignedTrustError, VersionMemoryError};

/// What signed trust is verified from: a root that was pinned, and the memory of what was
/// verified from it before.
#[derive(Clone, Debug)]
pub struct TrustAnchor {
    root: TrustRoot,
    /// What this process has seen, which nobody can take from it.
    seen: Arc<Mutex<SeenDocuments>>,
    memory: Option<Arc<dyn VersionMemory>>,
}

impl TrustAnchor {
    /// Verifies from `root`, and refuses what is older than this process or `memory` has seen.
    pub fn new(root: TrustRoot, memory: Arc<dyn VersionMemory>) -> Self {
        Self { memory: Some(memory), ..root.into() }
    }

    /// The root that was pinned.
    pub fn root(&self) -> &TrustRoot {
        &self.root
    }

    /// Has `admit` compare with what was seen, and remembers what it changes. What is kept
    /// elsewhere counts besides what this process has seen: a file may be removed or put back.
    pub(crate) fn admit(
        &self,
        mut admit: impl FnMut(&mut SeenDocuments) -> Result<(), SignedTrustError>,
    ) -> Result<(), SignedTrustError> {
        // After a panic in between, at worst too little was remembered.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut after = seen.clone();
        admit(&mut after)?;
        if let Some(memory) = &self.memory {
            let mut outcome = None;
            memory.update(&mut |seen| outcome = Some(admit(seen)))?;
            // A memory that never asks remembers nothing.
            outcome.ok_or(VersionMemoryError::Unasked)??;
        }
        *seen = after;
        Ok(())
    }
}

/// With a memory that ends with the process.
impl From<TrustRoot> for TrustAnchor {
    fn from(root: TrustRoot) -> Self {
        Self { root, seen: Arc::default(), memory: None }
    }
}
