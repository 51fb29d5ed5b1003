use std::fs::{File, TryLockError};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// Waits until no other process holds the lock of a file or a directory, for at most `limit`: a
/// process that can read a file can keep its lock.
///
/// # Errors
///
/// An error of the kind [`TimedOut`](io::ErrorKind::TimedOut) if another process still holds the
/// lock after `limit`, or that of a file system without locks.
pub fn lock_file(file: &File, limit: Duration) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if begun.elapsed() < limit => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(TryLockError::WouldBlock) => {
                let held =
                    format!("another process has held its lock for {} seconds", limit.as_secs());
                return Err(io::Error::new(io::ErrorKind::TimedOut, held));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_held_is_waited_for_up_to_the_limit() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let open = || File::open(file.path()).unwrap();
        let holder = open();
        lock_file(&holder, Duration::ZERO).unwrap();

        let refused = lock_file(&open(), Duration::from_millis(20)).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::TimedOut);

        let waiting = thread::spawn({
            let file = open();
            move || lock_file(&file, Duration::from_secs(60))
        });
        drop(holder);
        waiting.join().unwrap().unwrap();
    }
}
