//! Who can have put a Unix socket where it is, and whose process is behind it.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::backend::path_walk::{WRITABLE_BY_OTHERS, walk};
use crate::error::ConnectError;
use crate::url::postgres::Peer;
use crate::users;

/// The number that stands for every user whom this user namespace does not know, of the
/// kernel's default (`/proc/sys/kernel/overflowuid`): several users may have it.
const UNKNOWN_USER: u32 = 65_534;

const ROOT: u32 = 0;

/// Who may be behind a socket.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ExpectedPeer {
    users: Vec<u32>,
    shown: String,
}

/// The user that the URL names, or else: root, ourselves, or the owner of the socket's
/// directory, into which no other user can put one.
///
/// The kernel tells whose process has begun to listen (`SO_PEERCRED`), so a named user is
/// proof enough, wherever the socket is. Without one it is the directory that names the
/// user: then neither may others write it, nor may they put another in its place.
pub(super) fn expected_peer(
    directory: &Path,
    named: Option<&Peer>,
) -> Result<ExpectedPeer, ConnectError> {
    let us = rustix::process::geteuid().as_raw();
    match named {
        Some(Peer::Number(number)) => {
            Ok(ExpectedPeer { users: vec![*number], shown: format!("user {number}") })
        }
        Some(Peer::Name(name)) => {
            let number = users::number_of(name);
            let number = number.ok_or_else(|| ConnectError::NoSuchUser { user: name.into() })?;
            Ok(ExpectedPeer { users: vec![number], shown: format!("{name} (user {number})") })
        }
        None => {
            let owner = owner_of_safe(directory, us)?;
            let users = [ROOT, us, owner];
            let users = users.into_iter().filter(|user| *user == us || *user != UNKNOWN_USER);
            let shown = format!("user {owner}, who owns the socket's directory");
            Ok(ExpectedPeer { users: users.collect(), shown })
        }
    }
}

impl ExpectedPeer {
    pub(super) fn accept(&self, socket: &Path, found: u32) -> Result<(), ConnectError> {
        if self.users.contains(&found) {
            return Ok(());
        }
        let (path, expected) = (socket.into(), self.shown.clone());
        Err(ConnectError::OtherPeer { path, expected, found })
    }
}

/// The owner of a directory that others cannot write, below directories that only root
/// and `us` can change. A group that may write it is not in the way: what its
/// members put there belongs to themselves, and so does the process behind it.
fn owner_of_safe(directory: &Path, us: u32) -> Result<u32, ConnectError> {
    const WRITABLE_BY_EVERYBODY: u32 = 0o002;

    let unreachable = |path: &Path, source| {
        let server = path.display().to_string();
        match io::Error::kind(&source) {
            io::ErrorKind::NotFound => ConnectError::NothingListens { server, source },
            _ => ConnectError::Unreachable { server, source },
        }
    };
    let require_safe = |path: &Path, found: &Metadata, is_safe: bool| match is_safe {
        true => Ok(()),
        false => {
            let (path, owner, mode) = (path.into(), found.uid(), found.mode() & 0o7777);
            Err(ConnectError::UnsafeSocket { path, owner, mode })
        }
    };
    // Whose a link is does not matter: the directory that holds it is safe.
    let look = |path: &Path, found: &Metadata| {
        let is_trusted = found.uid() == ROOT || found.uid() == us;
        let is_safe = is_trusted && found.mode() & WRITABLE_BY_OTHERS == 0;
        require_safe(path, found, found.is_symlink() || is_safe)
    };
    let (path, end) = walk(directory, look, unreachable)?;
    require_safe(&path, &end, end.mode() & WRITABLE_BY_EVERYBODY == 0)?;
    Ok(end.uid())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn us() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    /// A directory that no other user can change, if the home directory is one.
    fn safe() -> tempfile::TempDir {
        tempfile::tempdir_in(std::env::home_dir().unwrap()).unwrap()
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn directory_that_others_may_write_is_refused() {
        let directory = safe();
        for (mode, is_safe) in [(0o700, true), (0o755, true), (0o2775, true), (0o1777, false)] {
            set_mode(directory.path(), mode);
            let expected = expected_peer(directory.path(), None);
            match is_safe {
                true => assert!(expected.unwrap().users.contains(&us()), "{mode:o}"),
                false => assert!(
                    matches!(&expected, Err(ConnectError::UnsafeSocket { path, .. })
                        if path == directory.path()),
                    "{mode:o}: {expected:?}"
                ),
            }
        }
    }

    #[test]
    fn directory_above_that_others_or_a_group_may_write_is_refused() {
        let above = safe();
        let directory = above.path().join("run");
        fs::create_dir(&directory).unwrap();
        for (mode, is_safe) in [(0o700, true), (0o770, false), (0o707, false), (0o1777, false)] {
            set_mode(above.path(), mode);
            let expected = expected_peer(&directory, None);
            assert_eq!(expected.is_ok(), is_safe, "{mode:o}: {expected:?}");
        }
    }

    #[test]
    fn links_are_followed_and_what_holds_them_is_looked_at() {
        let (good, open) = (safe(), safe());
        symlink(good.path(), good.path().join("link")).unwrap();
        expected_peer(&good.path().join("link"), None).unwrap();
        symlink(good.path(), open.path().join("link")).unwrap();
        expected_peer(&open.path().join("link"), None).unwrap();
        set_mode(open.path(), 0o777);
        let refused = expected_peer(&open.path().join("link"), None);
        assert!(
            matches!(&refused, Err(ConnectError::UnsafeSocket { path, .. }) if path == open.path()),
            "{refused:?}"
        );
        symlink("loop", good.path().join("loop")).unwrap();
        let refused = expected_peer(&good.path().join("loop"), None);
        assert!(matches!(refused, Err(ConnectError::Unreachable { .. })), "{refused:?}");
    }

    #[test]
    fn named_user_is_enough_wherever_the_socket_is() {
        let expected = expected_peer(Path::new("/tmp"), Some(&Peer::Number(us()))).unwrap();
        expected.accept(Path::new("/tmp/s"), us()).unwrap();
        let refused = expected.accept(Path::new("/tmp/s"), us() + 1);
        assert!(
            matches!(&refused, Err(ConnectError::OtherPeer { found, .. }) if *found == us() + 1),
            "{refused:?}"
        );
        let root = expected_peer(Path::new("/tmp"), Some(&Peer::Name("root".into()))).unwrap();
        root.accept(Path::new("/tmp/s"), 0).unwrap();
        let unknown = expected_peer(Path::new("/tmp"), Some(&Peer::Name("no-such".into())));
        assert!(matches!(unknown, Err(ConnectError::NoSuchUser { .. })), "{unknown:?}");
    }
}
