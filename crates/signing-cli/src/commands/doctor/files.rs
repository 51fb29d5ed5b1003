use signing_loader::StateFile;

use super::check::Checks;
use crate::cli::{Doctor, RootSource};
use crate::signed_trust;

/// The files that a runner with signed trust is given.
pub(super) fn check(command: &Doctor, checks: &mut Checks) {
    match &command.trust_root {
        None => {}
        Some(RootSource::Digest(digest)) => {
            checks.ok("root document", format!("pinned by its digest {digest}"));
        }
        Some(source @ RootSource::File(path)) => match signed_trust::read_root(source) {
            Ok(root) => {
                let (path, digest) = (path.display(), root.digest());
                let what = format!("{path} is {digest}, and no other user can change it");
                checks.ok("root document", what);
            }
            Err(error) => checks.error("root document", &error),
        },
    }
    let Some(path) = &command.state_file else { return };
    match (StateFile::check(path), path.exists()) {
        (Ok(()), true) => checks.ok(
            "state file",
            format!("{} can be read, and no other user can change it", path.display()),
        ),
        (Ok(()), false) => checks.warning(
            "state file",
            format!("{} is not there: what was seen before is not known", path.display()),
            "if a runner has used it before, find out who removed it; a runner makes it when it \
             verifies for the first time",
        ),
        (Err(error), _) => checks.error("state file", &error.into()),
    }
}
