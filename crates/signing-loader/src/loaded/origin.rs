//! Whether this is still the process that follows trust, and no child that was forked from it.
//!
//! A child gets a copy of the memory, and none of the other threads (fork(2)), so nothing would
//! ever close a gate in it. Asking for the process' id takes a system call, which costs many times
//! what a gate does. Linux is therefore told to wipe one word of the memory in the child.

use std::process;
#[cfg(target_os = "linux")]
use std::sync::OnceLock;
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicU64, Ordering};

/// The process in which this was made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin {
    /// By the word that is zero in a child, until the child makes an origin of its own.
    #[cfg(target_os = "linux")]
    Marked { word: &'static AtomicU64, generation: u64 },
    /// By its id, where no word is wiped.
    Id(u32),
}

impl Origin {
    pub(super) fn here() -> Self {
        #[cfg(target_os = "linux")]
        if let Some(word) = word() {
            return Self::marked(word);
        }
        Self::Id(process::id())
    }

    /// Whether this process is the one.
    #[inline]
    pub(super) fn is_here(self) -> bool {
        match self {
            #[cfg(target_os = "linux")]
            Self::Marked { word, generation } => word.load(Ordering::Relaxed) == generation,
            Self::Id(id) => process::id() == id,
        }
    }

    /// A child counts on from its parent, as it has a copy of this count: no process has a
    /// generation that one had from which it was forked.
    #[cfg(target_os = "linux")]
    fn marked(word: &'static AtomicU64) -> Self {
        static GENERATIONS: AtomicU64 = AtomicU64::new(0);

        let next = GENERATIONS.fetch_add(1, Ordering::Relaxed) + 1;
        let set = word.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed);
        Self::Marked { word, generation: set.err().unwrap_or(next) }
    }
}

/// The one word of this process, if its kernel wipes it.
#[cfg(target_os = "linux")]
fn word() -> Option<&'static AtomicU64> {
    static WORD: OnceLock<Option<&'static AtomicU64>> = OnceLock::new();
    *WORD.get_or_init(|| crate::load::wiped_on_fork().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn an_origin_is_here_until_the_word_is_wiped() {
        let word: &'static AtomicU64 = Box::leak(Box::default());
        let [first, second] = [Origin::marked(word), Origin::marked(word)];
        assert!(first.is_here() && second.is_here());
        // What the kernel does in a child.
        word.store(0, Ordering::Relaxed);
        assert!(!first.is_here() && !second.is_here());
        let third = Origin::marked(word);
        assert!(third.is_here() && !first.is_here() && !second.is_here());
    }

    #[test]
    fn another_process_has_another_id() {
        assert!(Origin::Id(process::id()).is_here());
        assert!(!Origin::Id(process::id() + 1).is_here());
    }

    #[test]
    fn this_is_the_process_that_it_is() {
        assert!(Origin::here().is_here());
    }
}
