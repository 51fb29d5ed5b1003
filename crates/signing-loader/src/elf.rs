//! What a native package asks of the dynamic linker, read from its bytes before the linker
//! sees them, and which of that is refused.
//!
//! The linker acts on a library's dynamic table before any code of the library runs: it
//! opens the files that the table names and runs their constructors. A signature covers the
//! table, but not those files.

mod dynamic;
mod entries;
mod error;
mod image;
mod name;
mod policy;
mod symbols;
mod tables;
mod versions;

use std::collections::BTreeSet;
use std::fs::File;

use self::dynamic::DynamicTable;
use self::image::Image;

pub use error::{ElfType, LibraryError, LibraryTarget, MalformedLibrary};
pub use name::{DependencyName, DependencyNameError};
pub use policy::DynamicTag;
pub(crate) use policy::{EmptyProcess, Process, SonameUse};

/// What a shared library asks of the dynamic linker, as the linker will read it.
///
/// It holds at most [`MAX_ENTRIES`](entries::MAX_ENTRIES) names, and two more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SharedLibrary {
    stack: Stack,
    has_code: bool,
    /// The addresses of segments that can be both written and executed.
    writable_code: Vec<u64>,
    dynamic: DynamicTable,
}

/// Which stack the library asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stack {
    NotExecutable,
    Executable,
    /// The linker takes this to mean an executable stack.
    NotDeclared,
}

/// The dependencies that an operator allows beside the C library.
pub(crate) type AllowedDependencies = BTreeSet<DependencyName>;

impl SharedLibrary {
    /// Reads at most some 60 MiB, whatever the file is.
    pub(crate) fn read(file: &File) -> Result<Self, LibraryError> {
        let image = Image::read(file)?;
        let dynamic = DynamicTable::read(&image)?;
        if dynamic.is_executable {
            return Err(LibraryError::NotShared { found: ElfType::PositionIndependentExecutable });
        }
        let (stack, has_code) = (image.stack, image.has_code());
        Ok(Self { stack, has_code, writable_code: image.writable_code(), dynamic })
    }

    /// The name under which later libraries can depend on this one.
    pub(crate) fn soname(&self) -> Option<&str> {
        self.dynamic.soname.as_deref()
    }

    /// The libraries that the linker loads with this one.
    pub(crate) fn needed(&self) -> &[String] {
        &self.dynamic.needed
    }

    /// The plain names among them.
    pub(crate) fn dependencies(&self, allowed: &AllowedDependencies) -> Dependencies {
        let names = self.needed().iter().filter_map(|name| DependencyName::new(name).ok());
        let (system, packages) = names.partition(|name| policy::is_allowed(name, allowed));
        Dependencies { system, packages }
    }
}

/// What a library needs.
pub(crate) struct Dependencies {
    /// Allowed by name, so libraries of the system are meant.
    pub(crate) system: Vec<DependencyName>,
    /// Only packages can be meant.
    pub(crate) packages: Vec<DependencyName>,
}

#[cfg(test)]
mod tests;
