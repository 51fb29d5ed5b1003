//! Whether users whom nobody has chosen can read a SQLite store.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::check::Checks;

const OTHERS_READ: u32 = 0o004;
const OTHERS_PASS: u32 = 0o001;

/// Says that the files are good, except that everybody can read them.
pub(super) fn check(database: &Path, checks: &mut Checks) {
    const CHECK: &str = "store files";
    match everybody_reads(database) {
        Some(path) => {
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
        None => checks
            .ok(CHECK, "no other user can replace the database, its journals or its directories"),
    }
}

/// The file without links, if every user can read it and pass the directories above.
fn everybody_reads(database: &Path) -> Option<PathBuf> {
    let path = database.canonicalize().ok()?;
    let may = |path: &Path, right| {
        fs::metadata(path).is_ok_and(|file| file.permissions().mode() & right != 0)
    };
    let is_reached = path.ancestors().skip(1).all(|directory| may(directory, OTHERS_PASS));
    (is_reached && may(&path, OTHERS_READ)).then_some(path)
}
