use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Does the work in a thread of its own, and waits for it no longer than `limit`. Work that
/// hangs is left behind, and ends with the process.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(limit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_ends_gives_its_result_and_work_that_hangs_none() {
        assert_eq!(within(Duration::from_secs(60), || 1), Some(1));
        let (_held, never) = mpsc::channel::<()>();
        assert_eq!(within(Duration::from_millis(10), move || never.recv().is_ok()), None);
    }
}
