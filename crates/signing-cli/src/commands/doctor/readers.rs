//! Whether users whom nobody has chosen can read a SQLite store.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::check::Checks;

/// What is said about the files of a SQLite store.
pub(super) const CHECK: &str = "store files";

const OTHERS_READ: u32 = 0o004;
const OTHERS_PASS: u32 = 0o001;

/// Says that the files are good, except that everybody can read them.
pub(super) fn check(database: &Path, checks: &mut Checks) {
    match everybody_reads(database) {
        Ok(Some(path)) => {
            let path = path.display();
            checks.warning(
                CHECK,
                format!(
                    "every user of this machine can read {path}, and one who keeps reading it \
                     keeps every change of trust waiting"
                ),
                format!("let only the group of the runners read it: chmod 0640 {path}"),
            );
        }
        Ok(None) => checks
            .ok(CHECK, "no other user can replace the database, its journals or its directories"),
        Err(error) => {
            checks.not_checked(CHECK, format!("who can read them is not known: {error}"));
        }
    }
}

/// The file without links, if every user can read it and pass the directories above.
fn everybody_reads(database: &Path) -> io::Result<Option<PathBuf>> {
    let path = database.canonicalize()?;
    let may =
        |path: &Path, right| fs::metadata(path).map(|file| file.permissions().mode() & right != 0);
    for directory in path.ancestors().skip(1) {
        if !may(directory, OTHERS_PASS)? {
            return Ok(None);
        }
    }
    Ok(may(&path, OTHERS_READ)?.then_some(path))
}
