use std::path::Path;

use crate::elf::{AllowedDependencies, EmptyProcess, LibraryError, SharedLibrary};
use crate::error::PackageError;
use crate::open::open_regular;

/// What a native package links against, and why a runner would not load it.
#[derive(Debug)]
#[non_exhaustive]
pub struct LibraryInspection {
    /// The name under which other libraries can depend on this one.
    pub soname: Option<String>,
    /// The libraries that the dynamic linker loads with this one.
    pub needed: Vec<String>,
    /// Why [`VerifiedPackage::load`](crate::VerifiedPackage::load) would refuse it in a process
    /// that allows no further dependency and has loaded no package yet. If the file could not
    /// be read as a shared library of this target, this is the one reason.
    pub faults: Vec<LibraryError>,
}

/// Looks at a file as a native library. `None` if it is not an ELF file.
///
/// It tells a builder what runners will say. It is no verification: loading checks the sealed
/// copy.
///
/// # Errors
///
/// [`VerificationError::NotARegularFile`](crate::VerificationError::NotARegularFile), or an I/O
/// error.
pub fn inspect_library(path: impl AsRef<Path>) -> Result<Option<LibraryInspection>, PackageError> {
    let (file, _) = open_regular(path.as_ref())?;
    match SharedLibrary::read(&file) {
        Ok(library) => Ok(Some(LibraryInspection {
            soname: library.soname().map(str::to_owned),
            needed: library.needed().to_vec(),
            faults: library.faults(&AllowedDependencies::new(), &EmptyProcess),
        })),
        Err(LibraryError::NotElf) => Ok(None),
        Err(LibraryError::Unreadable(source)) => Err(PackageError::io(path, source)),
        Err(fault) => {
            Ok(Some(LibraryInspection { soname: None, needed: Vec::new(), faults: vec![fault] }))
        }
    }
}
