//! Acts at the moment when a host opens, or has closed, a file.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::Errno;

use crate::error::KitError;

/// When to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// The file has been opened so many times.
    Opened(u32),
    /// The file has been closed so many times.
    Closed(u32),
}

/// Sees who opens and closes a file.
pub(super) struct Watch {
    inotify: OwnedFd,
    directory: PathBuf,
    name: Vec<u8>,
}

impl Watch {
    /// Begins to watch the file. What happens from now on is seen, even before
    /// [`act`](Self::act) is called.
    pub(super) fn start(file: &Path) -> Result<Self, KitError> {
        let directory = file.parent().unwrap_or(Path::new("/")).to_path_buf();
        let name = file.file_name().unwrap_or_default().as_encoded_bytes().to_vec();
        let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK);
        let inotify = inotify.and_then(|inotify| {
            add_watch(&inotify, &directory, WatchFlags::OPEN | WatchFlags::CLOSE)?;
            Ok(inotify)
        });
        let failed = |error: Errno| KitError::file("watch", &directory)(error.into());
        Ok(Self { inotify: inotify.map_err(failed)?, directory, name })
    }

    /// Waits for the moment and acts, once. Returns whether it came before `is_over`.
    pub(super) fn act(
        self,
        moment: Moment,
        is_over: &AtomicBool,
        act: impl FnOnce() -> Result<(), KitError>,
    ) -> Result<bool, KitError> {
        let (flag, mut left) = match moment {
            Moment::Opened(count) => (ReadFlags::OPEN, count),
            Moment::Closed(count) => (ReadFlags::CLOSE_NOWRITE, count),
        };
        let failed = |error: Errno| KitError::file("watch", &self.directory)(error.into());
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        let step = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
        while !is_over.load(Ordering::Acquire) {
            match reader.next() {
                Ok(event) => {
                    let is_file =
                        event.file_name().is_some_and(|name| name.to_bytes() == self.name);
                    if is_file && event.events().contains(flag) {
                        left -= 1;
                    }
                    if left == 0 {
                        act()?;
                        return Ok(true);
                    }
                }
                Err(Errno::AGAIN | Errno::INTR) => {
                    let mut ready = [PollFd::new(&self.inotify, PollFlags::IN)];
                    match poll(&mut ready, Some(&step)) {
                        Ok(_) | Err(Errno::INTR) => {}
                        Err(error) => return Err(failed(error)),
                    }
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(false)
    }
}
