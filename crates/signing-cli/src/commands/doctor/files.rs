use signing_loader::StateFile;
use signing_trust::{SeenDocuments, TrustRoot};

use super::check::Checks;
use crate::cli::{Doctor, RootSource};
use crate::signed_trust;

/// What a runner with signed trust reads from its files.
pub(super) struct RunnersFiles {
    pub(super) root: TrustRoot,
    /// What the state file remembers.
    pub(super) seen: SeenDocuments,
}

/// The files that a runner with signed trust is given. `None` if one cannot be used, and if no
/// root is named.
pub(super) fn check(command: &Doctor, checks: &mut Checks) -> Option<RunnersFiles> {
    let root = command.trust_root.as_ref().and_then(|source| root(source, checks));
    let seen = state_file(command, checks);
    Some(RunnersFiles { root: root?, seen: seen? })
}

fn root(source: &RootSource, checks: &mut Checks) -> Option<TrustRoot> {
    let root = checks.read("root document", signed_trust::read_root(source))?;
    let digest = root.digest();
    let what = match source {
        RootSource::Digest(_) => format!("pinned by its digest {digest}"),
        RootSource::File(path) => {
            format!("{} is {digest}, and no other user can change it", path.display())
        }
    };
    checks.ok("root document", what);
    Some(root)
}

fn state_file(command: &Doctor, checks: &mut Checks) -> Option<SeenDocuments> {
    let Some(path) = &command.state_file else { return Some(SeenDocuments::default()) };
    let seen = checks.read("state file", StateFile::check(path))?;
    match path.exists() {
        true => checks.ok(
            "state file",
            format!("{} can be read, and no other user can change it", path.display()),
        ),
        false => checks.warning(
            "state file",
            format!("{} is not there: what was seen before is not known", path.display()),
            "if a runner has used it before, find out who removed it; a runner makes it when it \
             verifies for the first time",
        ),
    }
    Some(seen)
}
