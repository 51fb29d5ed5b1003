use std::io;

use signing_loader::{DirectoryError, DirectoryFault, InstallError, VerificationError};

use super::{Sample, each, sample, values};
use crate::error::CliError;
use crate::kek_place::KekPlace;

pub(super) fn samples() -> Vec<Sample> {
    let mut samples = vec![sample(CliError::Install(downgrade()), |error| error)];
    samples.extend(each(install(), CliError::from));
    samples.extend(each(faults(), |source| {
        CliError::from(InstallError::UnsafeDirectory { path: "packages".into(), source })
    }));
    samples.extend(each(directories(), |source| CliError::KekReplaceable { place: kek(), source }));
    samples
}

fn kek() -> KekPlace {
    KekPlace::DefaultFile("/home/ann/.config/cloacina/key-encryption-key".into())
}

fn directories() -> [DirectoryError; 2] {
    let path = || "/home/ann".into();
    [
        DirectoryError::Unsafe { path: path(), source: DirectoryFault::Writable { mode: 0o777 } },
        DirectoryError::Unusable { path: path(), source: io::ErrorKind::PermissionDenied.into() },
    ]
}

fn downgrade() -> InstallError {
    InstallError::Downgrade { installed: values::version("1.4.0"), found: None }
}

fn install() -> Vec<InstallError> {
    let refused = || VerificationError::Empty.into();
    vec![
        InstallError::Package(refused()),
        InstallError::UnsafeDirectory { path: "packages".into(), source: DirectoryFault::Link },
        InstallError::Write {
            path: "packages/releases".into(),
            source: io::ErrorKind::StorageFull.into(),
        },
        InstallError::ReservedName { name: "releases".parse().unwrap() },
        InstallError::Occupied { path: "packages/libworkflow.so".into() },
        InstallError::Downgrade {
            installed: values::version("1.4.0"),
            found: Some(values::version("1.0.0")),
        },
        InstallError::InstalledUnreadable { source: Box::new(refused()) },
        InstallError::OldRelease {
            path: "packages/releases/libworkflow.so-1.3.0-ab".into(),
            source: io::ErrorKind::DirectoryNotEmpty.into(),
        },
        InstallError::Changed { path: "packages/releases/libworkflow.so-1.4.0-ab".into() },
    ]
}

fn faults() -> [DirectoryFault; 5] {
    [
        DirectoryFault::Owner { found: 1000, expected: 0 },
        DirectoryFault::Writable { mode: 0o775 },
        DirectoryFault::Writable { mode: 0o1777 },
        DirectoryFault::Link,
        DirectoryFault::NotADirectory,
    ]
}
