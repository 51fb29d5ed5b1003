use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, readlinkat, renameat, symlinkat};
use rustix::io::Errno;

use super::error::InstallError;
use super::place::Place;
use super::{NEW_LINK, RELEASES, Step, reached, remove, sync};

/// The release that a link with this target leads to.
pub(super) fn release_in(target: &Path) -> Option<&OsStr> {
    let mut components = target.components();
    match (components.next(), components.next(), components.next()) {
        (Some(Component::Normal(releases)), Some(Component::Normal(release)), None)
            if releases == RELEASES =>
        {
            Some(release)
        }
        _ => None,
    }
}

/// The link that runners follow.
pub(super) struct Link<'a> {
    pub(super) place: &'a Place,
    pub(super) name: &'a OsStr,
}

impl Link<'_> {
    /// The release that it leads to, if it is there.
    pub(super) fn release(&self) -> Result<Option<OsString>, InstallError> {
        let path = self.place.path().join(self.name);
        let target = match readlinkat(self.place.file(), self.name, Vec::new()) {
            Ok(target) => PathBuf::from(OsString::from_vec(target.into_bytes())),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::INVAL) => return Err(InstallError::Occupied { path }),
            Err(errno) => return Err(InstallError::write(path, errno)),
        };
        match release_in(&target) {
            Some(release) => Ok(Some(release.to_owned())),
            None => Err(InstallError::Occupied { path }),
        }
    }

    /// Puts a link to a release in its place, by one rename.
    pub(super) fn lead_to(&self, releases: &Place, release: &OsStr) -> Result<(), InstallError> {
        let failed = |errno: Errno| InstallError::write(self.place.path().join(self.name), errno);
        remove(releases, NEW_LINK.as_ref(), AtFlags::empty()).map_err(failed)?;
        symlinkat(Path::new(RELEASES).join(release), releases.file(), NEW_LINK).map_err(failed)?;
        reached(Step::Link);
        renameat(releases.file(), NEW_LINK, self.place.file(), self.name).map_err(failed)?;
        reached(Step::Switch);
        sync(self.place)
    }
}
