//! A terminal that shows nothing of what is typed, and shows it again however the program ends.

use std::fs::{self, File};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr,
    tcsetattr,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// What ends a program from outside. The keyboard sends none of them while a terminal is hidden.
const ENDING: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/// A terminal, and how it was before. Who holds the lock sets the terminal.
static BEFORE: Mutex<Option<(File, Termios)>> = Mutex::new(None);

/// Until this is dropped the terminal shows nothing.
pub(super) struct Hidden(());

impl Hidden {
    /// `None` if the terminal cannot be hidden, or could not be shown again.
    pub(super) fn on(terminal: &File) -> Option<Self> {
        restore_at_signals()?;
        let before = tcgetattr(terminal).ok()?;
        let mut quiet = before.clone();
        // Without signals from the keyboard: the keys that send them are read, and give up.
        quiet.local_modes -=
            LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        let again = terminal.try_clone().ok()?;
        {
            let mut held = held();
            // To wait until a stopped terminal has shown everything would keep a signal waiting.
            tcsetattr(terminal, OptionalActions::Now, &quiet).ok()?;
            *held = Some((again, before));
        }
        let hidden = Self(());
        // What was typed before was shown.
        tcflush(terminal, QueueSelector::IFlush).ok()?;
        Some(hidden)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        restore(&mut held());
    }
}

fn held() -> MutexGuard<'static, Option<(File, Termios)>> {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn restore(before: &mut Option<(File, Termios)>) {
    if let Some((terminal, before)) = before.take() {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(&terminal, OptionalActions::Now, &before);
    }
}

/// Has these signals end the program as they do without this, once the terminal is as it was. It
/// stays so: what a signal did before cannot be put back. Those that are ignored, as `nohup`
/// arranges, stay ignored.
fn restore_at_signals() -> Option<()> {
    static IS_DONE: OnceLock<Option<()>> = OnceLock::new();
    *IS_DONE.get_or_init(|| {
        let ignored = ignored_signals();
        let ending = ENDING.iter().filter(|&&signal| ignored & (1 << (signal - 1)) == 0);
        let mut signals = Signals::new(ending).ok()?;
        let wait = move || {
            for signal in &mut signals {
                // It is kept to the end, so that no terminal is hidden from here on.
                let mut held = held();
                restore(&mut held);
                let _ = emulate_default_handler(signal);
            }
        };
        thread::Builder::new().name("signals".into()).spawn(wait).ok().map(drop)
    })
}

/// The signals that this process ignores, the first in the lowest bit: see proc(5). None where
/// the system does not say so.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
