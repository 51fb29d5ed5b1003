//! Whether calls may begin, and how many are in flight: one atomic word.
//!
//! All that happens to the word happens in one order, the same for every thread. A call enters
//! by an addition that also reads the closed bit. If that comes before the bit is set, the call
//! is counted in the word that closing has left, and in each later one until the call leaves.
//! If it comes after, it sees the bit and is refused. So the thread that has closed the gate knows two
//! things: each `enter` that begins from then on is refused, and while the count is not zero
//! some call may be in flight, and when it is zero none is, because a call that has entered
//! leaves only once. A refused call is counted for a moment too, which can only delay
//! [`drained`](Gate::drained), and only those that began before the gate was closed are: others
//! are refused by the first load.
//!
//! Leaving releases what the call has written, and `drained` acquires it.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use super::origin::Origin;

/// The other bits count the calls. Nobody can make 2⁶³ of them.
const CLOSED: u64 = 1 << 63;

#[derive(Debug)]
pub(super) struct Gate {
    word: AtomicU64,
    /// In another process nothing would close it.
    origin: Origin,
    /// The gate was closed with no call in flight, or the last one has left.
    drained: Notify,
}

impl Gate {
    pub(super) fn new(is_open: bool) -> Self {
        let word = AtomicU64::new(if is_open { 0 } else { CLOSED });
        Self { word, origin: Origin::here(), drained: Notify::new() }
    }

    /// Lets a call in, which must [`leave`](Self::leave), unless the gate is closed, or this is
    /// another process than its own.
    #[inline]
    pub(super) fn enter(&self) -> bool {
        if self.word.load(Ordering::Relaxed) & CLOSED != 0 || !self.origin.is_here() {
            return false;
        }
        let before = self.word.fetch_add(1, Ordering::Acquire);
        if before & CLOSED == 0 {
            return true;
        }
        self.leave();
        false
    }

    #[inline]
    pub(super) fn leave(&self) {
        if self.word.fetch_sub(1, Ordering::Release) == CLOSED | 1 {
            self.drained.notify_waiters();
        }
    }

    pub(super) fn close(&self) {
        if self.word.fetch_or(CLOSED, Ordering::AcqRel) & !CLOSED == 0 {
            self.drained.notify_waiters();
        }
    }

    pub(super) fn open(&self) {
        self.word.fetch_and(!CLOSED, Ordering::Release);
    }

    /// Whether this is the process in which the gate was made.
    pub(super) fn is_here(&self) -> bool {
        self.origin.is_here()
    }

    pub(super) fn is_open(&self) -> bool {
        self.word.load(Ordering::Acquire) & CLOSED == 0
    }

    /// How many calls are in flight.
    pub(super) fn calls(&self) -> u64 {
        self.word.load(Ordering::Acquire) & !CLOSED
    }

    /// Waits until the gate is closed and no call is in flight.
    pub(super) async fn drained(&self) {
        loop {
            let mut notified = pin!(self.drained.notified());
            // Before the word is read, so that what happens afterwards wakes this task.
            notified.as_mut().enable();
            if self.word.load(Ordering::Acquire) == CLOSED {
                return;
            }
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests;
