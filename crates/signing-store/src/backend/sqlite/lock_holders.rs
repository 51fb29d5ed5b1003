//! Which processes lock a database. Linux lists all locks in a file. Asking by `fcntl` would
//! need a descriptor of the database, and closing that would give up SQLite's own locks.

#[cfg(any(target_os = "linux", test))]
use std::collections::BTreeSet;
use std::path::Path;

use crate::error::LockHolder;

/// Where SQLite puts its locks: 512 bytes from here on (`PENDING_BYTE`).
#[cfg(any(target_os = "linux", test))]
const FIRST: u64 = 0x4000_0000;
#[cfg(any(target_os = "linux", test))]
const LAST: u64 = FIRST + 511;

/// The other processes that lock this database, as far as the system tells.
#[cfg(target_os = "linux")]
pub(super) fn of(database: &Path) -> Vec<LockHolder> {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    let Ok(file) = fs::metadata(database) else { return Vec::new() };
    let (major, minor) = (rustix::fs::major(file.dev()), rustix::fs::minor(file.dev()));
    let file = format!("{major:02x}:{minor:02x}:{}", file.ino());
    // The list is not read at one moment: a lock is missed if others come and go meanwhile.
    let mut lists = (0..READS).map_while(|_| fs::read_to_string("/proc/locks").ok());
    let others = |list: String| {
        let mut found = processes(&list, &file);
        found.remove(&std::process::id());
        found
    };
    let holders = lists.find_map(|list| Some(others(list)).filter(|found| !found.is_empty()));
    let user = |process| fs::metadata(format!("/proc/{process}")).ok().map(|of| of.uid());
    let named = |process| LockHolder::new(process, user(process));
    holders.unwrap_or_default().into_iter().map(named).collect()
}

/// How often the list of locks is read until it names a process.
#[cfg(target_os = "linux")]
const READS: usize = 5;

#[cfg(not(target_os = "linux"))]
pub(super) fn of(_: &Path) -> Vec<LockHolder> {
    Vec::new()
}

/// The processes that a list like `/proc/locks` (proc(5)) names for SQLite's bytes of a file. A
/// process that waits for a lock has an arrow before it, and one of another namespace the
/// number 0.
#[cfg(any(target_os = "linux", test))]
fn processes(locks: &str, file: &str) -> BTreeSet<u32> {
    locks.lines().filter_map(|lock| process(lock, file)).collect()
}

#[cfg(any(target_os = "linux", test))]
fn process(lock: &str, of: &str) -> Option<u32> {
    let mut fields = lock.split_ascii_whitespace().skip(1);
    let [kind, _, _, process, file, first, last] = std::array::from_fn(|_| fields.next());
    if kind != Some("POSIX") || file != Some(of) {
        return None;
    }
    let last = match last? {
        "EOF" => u64::MAX,
        last => last.parse().ok()?,
    };
    let is_sqlites = first?.parse::<u64>().ok()? <= LAST && last >= FIRST;
    process?.parse().ok().filter(|process| is_sqlites && *process != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "fd:01:42";
    const READS: &str = "7: POSIX  ADVISORY  READ  1234 fd:01:42 1073741826 1073742335";

    #[test]
    fn process_that_reads_the_database_is_found() {
        assert_eq!(processes(READS, FILE), [1234].into());
        let twice = format!("{READS}\n{READS}\n{}\n", READS.replace("1234", "99"));
        assert_eq!(processes(&twice, FILE), [99, 1234].into());
        let whole_file = READS.replace("1073741826 1073742335", "0 EOF");
        assert_eq!(processes(&whole_file, FILE), [1234].into());
    }

    #[test]
    fn lock_of_something_else_is_not_taken_for_one_of_the_database() {
        for (from, to) in [
            ("fd:01:42", "fd:01:43"),
            ("fd:01:42", "fd:02:42"),
            ("1073741826 1073742335", "0 1073741823"),
            ("1073741826 1073742335", "1073742336 EOF"),
            ("POSIX", "-> POSIX"),
            ("POSIX", "FLOCK"),
            ("1234", "0"),
            ("1234", "-1"),
            ("1073742335", ""),
        ] {
            assert_eq!(processes(&READS.replace(from, to), FILE), [].into(), "{from} -> {to}");
        }
    }
}
