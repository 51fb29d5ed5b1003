//! The only writers to standard output and standard error.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write};
use std::os::fd::AsFd;

use anstream::AutoStream;
use rustix::fs::OFlags;

/// On a narrower terminal nothing can be shown in order.
pub(crate) const MIN_COLUMNS: usize = 20;

/// Whether a reader that leaves before the end has what it wants.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// It reads lines for people, of which `head` takes some.
    MayLeave,
    /// Half of a document, key or script is of no use.
    NeedsAll,
}

/// Standard output. What was written counts once [`finish`](Self::finish) says so.
pub(super) struct Standard {
    out: BufWriter<AutoStream<StdoutLock<'static>>>,
    reader: Reader,
}

impl Standard {
    pub(super) fn lock(reader: Reader) -> Self {
        Self { out: BufWriter::new(anstream::stdout().lock()), reader }
    }

    /// Writes out what is left. Of a file also that it is on the disk: some file systems
    /// say only then that there was no room.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let written = self.out.flush().and_then(|()| sync());
        self.forgive(written)
    }

    /// What is left of a failure if the reader may leave and has.
    pub(super) fn forgive(&self, written: io::Result<()>) -> io::Result<()> {
        match written {
            Err(error)
                if error.kind() == ErrorKind::BrokenPipe && self.reader == Reader::MayLeave =>
            {
                Ok(())
            }
            other => other,
        }
    }
}

impl Write for Standard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The width of the terminal that standard output is, if it is one and tells.
pub(super) fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then(|| usize::from(size.ws_col).max(MIN_COLUMNS))
}

/// Prints lines, with a newline at the end.
pub(super) fn print(text: &str, reader: Reader) -> io::Result<()> {
    let mut out = Standard::lock(reader);
    let written = writeln!(out, "{}", text.trim_end_matches('\n'));
    match out.forgive(written) {
        Ok(()) => out.finish(),
        failed => failed,
    }
}

/// Whether standard output was closed when the program started.
///
/// Rust opens `/dev/null` in its place, for reading and writing, and what is printed is lost.
/// Shells open it only for writing where a user asks for that, by `>/dev/null`. Other programs that
/// open it as Rust does want no output either.
pub(super) fn is_closed() -> io::Result<bool> {
    let out = io::stdout();
    let (found, flags) = (rustix::fs::fstat(&out)?, rustix::fs::fcntl_getfl(&out)?);
    let null = rustix::fs::stat("/dev/null")?;
    let is_null = (found.st_dev, found.st_ino) == (null.st_dev, null.st_ino);
    Ok(is_null && flags & OFlags::RWMODE == OFlags::RDWR)
}

/// Prints lines on standard error. If that fails, the exit code is all there is left.
pub(super) fn complain(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Replaces the line that the cursor is in, on a terminal.
pub(super) fn overwrite(line: &str) {
    let mut terminal = io::stderr().lock();
    let _ = write!(terminal, "\r\u{1b}[K{line}").and_then(|()| terminal.flush());
}

fn sync() -> io::Result<()> {
    let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    match file.metadata()?.is_file() {
        true => file.sync_all(),
        false => Ok(()),
    }
}
