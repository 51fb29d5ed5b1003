use std::sync::{Arc, Mutex};

use super::{SeenDocuments, TrustRoot, VersionMemory};

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

    pub(crate) fn memory(&self) -> &dyn VersionMemory {
        &*self.memory
    }
}

/// With a memory that ends with the process.
impl From<TrustRoot> for TrustAnchor {
    fn from(root: TrustRoot) -> Self {
        Self::new(root, Arc::new(Mutex::new(SeenDocuments::default())))
    }
}
