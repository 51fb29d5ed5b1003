use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use super::stdout;

/// A shorter command needs no line.
const DELAY: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_millis(100);

/// How far a command is that verifies many packages, in one line of the terminal. The line is
/// gone when the command prints its result.
pub(crate) struct Progress {
    total: usize,
    done: usize,
    /// When the line is shown next. `None` where nobody watches.
    next: Option<Instant>,
    is_shown: bool,
}

impl Progress {
    /// Of `total` packages, for somebody who is at a terminal and wants to know.
    pub(crate) fn new(total: usize, is_wanted: bool) -> Self {
        let is_watched = is_wanted && total > 1 && io::stderr().is_terminal();
        Self::starting(total, is_watched.then(Instant::now))
    }

    fn starting(total: usize, now: Option<Instant>) -> Self {
        Self { total, done: 0, next: now.map(|now| now + DELAY), is_shown: false }
    }

    /// One more is done.
    pub(crate) fn advance(&mut self) {
        if let Some(line) = self.line_at(Instant::now()) {
            stdout::overwrite(&line);
        }
    }

    fn line_at(&mut self, now: Instant) -> Option<String> {
        self.done += 1;
        self.next.filter(|next| *next <= now)?;
        (self.next, self.is_shown) = (Some(now + INTERVAL), true);
        Some(format!("{} of {} packages examined", self.done, self.total))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            stdout::overwrite("");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_shown_after_a_second_and_then_ten_times_a_second() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut progress = Progress::starting(9, Some(start));
        let times = [0, 999, 1000, 1099, 1100, 5000];
        let shown = times.map(|time| progress.line_at(at(time)).is_some());
        assert_eq!(shown, [false, false, true, false, true, true]);
        assert_eq!(progress.line_at(at(6000)).unwrap(), "7 of 9 packages examined");
        // Nothing was written, so nothing has to be taken away.
        progress.is_shown = false;
    }

    #[test]
    fn progress_that_nobody_watches_is_not_shown() {
        let mut progress = Progress::starting(9, None);
        assert_eq!(progress.line_at(Instant::now() + Duration::from_secs(60)), None);
        assert!(!progress.is_shown);
    }
}
