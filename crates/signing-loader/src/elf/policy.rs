use std::fmt;

use object::elf;

use super::error::LibraryError;
use super::name::DependencyName;
use super::{AllowedDependencies, SharedLibrary, Stack};

/// Who has a SONAME, of the verified packages that this process has loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SonameUse {
    Unused,
    /// One package, or several with equal bytes, and the linker would take it.
    OnePackage,
    /// One package, but the linker would take another library.
    Shadowed,
    SeveralPackages,
}

/// What is loaded already, and so comes before what a name would otherwise mean.
pub(crate) trait Process {
    /// Who has the name, of the verified packages.
    fn soname_use(&self, name: &DependencyName) -> SonameUse;

    /// Whether the linker might take a package for the name, verified or not.
    fn is_package(&self, name: &DependencyName) -> bool;
}

/// A process that has loaded no package.
pub(crate) struct EmptyProcess;

impl Process for EmptyProcess {
    fn soname_use(&self, _: &DependencyName) -> SonameUse {
        SonameUse::Unused
    }

    fn is_package(&self, _: &DependencyName) -> bool {
        false
    }
}

impl SharedLibrary {
    /// Why the library may not be loaded, most telling first; nothing if it may.
    pub(crate) fn faults(
        &self,
        allowed: &AllowedDependencies,
        process: &impl Process,
    ) -> Vec<LibraryError> {
        let mut faults = Vec::new();
        for (tag, value) in &self.dynamic.forbidden {
            faults.push(LibraryError::ForbiddenTag { tag: *tag, value: value.clone() });
        }
        if self.dynamic.forbidden_flags != 0 {
            faults.push(LibraryError::ForbiddenFlags { flags: self.dynamic.forbidden_flags });
        }
        for name in self.needed() {
            faults.extend(dependency_fault(name, allowed, process));
        }
        let unlisted = self.dynamic.unlisted.iter().cloned();
        faults.extend(unlisted.map(|name| LibraryError::UnlistedDependency { name }));
        faults.extend(self.soname().and_then(|name| soname_fault(name, allowed)));
        let unique = self.dynamic.unique_symbol.iter().cloned();
        faults.extend(unique.map(|name| LibraryError::UniqueSymbol { name }));
        if !self.has_code {
            faults.push(LibraryError::NoCode);
        }
        for &address in &self.writable_code {
            faults.push(LibraryError::WritableCode { address });
        }
        if self.dynamic.has_text_relocations {
            faults.push(LibraryError::TextRelocations);
        }
        match self.stack {
            Stack::NotExecutable => {}
            Stack::Executable => faults.push(LibraryError::ExecutableStack),
            Stack::NotDeclared => faults.push(LibraryError::UndeclaredStack),
        }
        faults
    }
}

fn dependency_fault(
    name: &str,
    allowed: &AllowedDependencies,
    process: &impl Process,
) -> Option<LibraryError> {
    let name = match DependencyName::new(name) {
        Ok(name) => name,
        Err(source) => return Some(LibraryError::InvalidDependency { name: name.into(), source }),
    };
    if is_allowed(&name, allowed) {
        // A library of the system is meant.
        return process.is_package(&name).then_some(LibraryError::DependencyReplaced { name });
    }
    match process.soname_use(&name) {
        SonameUse::Unused => Some(LibraryError::DependencyNotAllowed { name }),
        SonameUse::OnePackage => None,
        SonameUse::Shadowed => Some(LibraryError::DependencyReplaced { name }),
        SonameUse::SeveralPackages => Some(LibraryError::AmbiguousDependency { name }),
    }
}

fn soname_fault(name: &str, allowed: &AllowedDependencies) -> Option<LibraryError> {
    match DependencyName::new(name) {
        Ok(name) if is_allowed(&name, allowed) => Some(LibraryError::ReservedSoname { name }),
        Ok(_) => None,
        Err(source) => Some(LibraryError::InvalidSoname { name: name.into(), source }),
    }
}

pub(super) fn is_allowed(name: &DependencyName, allowed: &AllowedDependencies) -> bool {
    c_library().any(|known| known == name.as_str()) || allowed.contains(name)
}

/// The names of the C library's own libraries, and of the compiler's support library, which
/// every Rust library needs to unwind.
fn c_library() -> impl Iterator<Item = &'static str> {
    let names: &[&str] = if cfg!(all(target_os = "linux", target_env = "gnu")) {
        &[
            "libc.so.6",
            "libm.so.6",
            "libmvec.so.1",
            "libpthread.so.0",
            "libdl.so.2",
            "librt.so.1",
            "libutil.so.1",
            "libresolv.so.2",
            "libanl.so.1",
        ]
    } else if cfg!(all(target_os = "linux", target_env = "musl")) {
        &["libc.so"]
    } else {
        &[]
    };
    names.iter().chain(LINKER).chain(&["libgcc_s.so.1"]).copied()
}

/// The names of the dynamic linker on this target. With musl it is the C library as well.
const LINKER: &[&str] = if cfg!(target_env = "musl") {
    if cfg!(target_arch = "x86_64") {
        &["ld-musl-x86_64.so.1", "libc.musl-x86_64.so.1"]
    } else if cfg!(target_arch = "aarch64") {
        &["ld-musl-aarch64.so.1", "libc.musl-aarch64.so.1"]
    } else {
        &[]
    }
} else if cfg!(target_env = "gnu") {
    if cfg!(all(target_arch = "x86_64", target_pointer_width = "64")) {
        &["ld-linux-x86-64.so.2"]
    } else if cfg!(all(target_arch = "aarch64", target_endian = "little")) {
        &["ld-linux-aarch64.so.1"]
    } else if cfg!(target_arch = "x86") {
        &["ld-linux.so.2"]
    } else if cfg!(target_arch = "arm") {
        &["ld-linux-armhf.so.3", "ld-linux.so.3"]
    } else if cfg!(target_arch = "riscv64") {
        &["ld-linux-riscv64-lp64d.so.1"]
    } else if cfg!(target_arch = "powerpc64") {
        &["ld64.so.2"]
    } else if cfg!(target_arch = "s390x") {
        &["ld64.so.1"]
    } else {
        &[]
    }
} else {
    &[]
};

/// What an entry of a library's dynamic table is about: its `d_tag`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DynamicTag(pub i64);

impl DynamicTag {
    /// The entries by which the linker finds its tables, and those that only order or
    /// describe. What is not among them is refused: glibc takes several numbers for one
    /// entry, and a later linker may know more entries that load something.
    pub(super) fn is_harmless(self) -> bool {
        // Details of the processor, such as those of its procedure linkage table.
        let of_processor = elf::DT_LOPROC..elf::DT_LOPROC + 0x40;
        HARMLESS.iter().any(|(known, _)| known.0 == self.0) || of_processor.contains(&self.0)
    }

    /// Whether this program knows what the entry means, and a library may have it.
    pub(super) fn is_known(self) -> bool {
        let read = [elf::DT_SONAME, elf::DT_TEXTREL, elf::DT_FLAGS, elf::DT_FLAGS_1];
        self.is_harmless() || read.iter().any(|known| known.0 == self.0)
    }

    /// Whether the entry's value is a text.
    pub(super) fn has_text(self) -> bool {
        NAMED.iter().any(|(known, _)| known.0 == self.0)
    }
}

const HARMLESS: [(elf::DynamicTag, &str); 37] = [
    (elf::DT_PLTRELSZ, "DT_PLTRELSZ"),
    (elf::DT_PLTGOT, "DT_PLTGOT"),
    (elf::DT_HASH, "DT_HASH"),
    (elf::DT_STRTAB, "DT_STRTAB"),
    (elf::DT_SYMTAB, "DT_SYMTAB"),
    (elf::DT_RELA, "DT_RELA"),
    (elf::DT_RELASZ, "DT_RELASZ"),
    (elf::DT_RELAENT, "DT_RELAENT"),
    (elf::DT_STRSZ, "DT_STRSZ"),
    (elf::DT_SYMENT, "DT_SYMENT"),
    (elf::DT_INIT, "DT_INIT"),
    (elf::DT_FINI, "DT_FINI"),
    (elf::DT_SYMBOLIC, "DT_SYMBOLIC"),
    (elf::DT_REL, "DT_REL"),
    (elf::DT_RELSZ, "DT_RELSZ"),
    (elf::DT_RELENT, "DT_RELENT"),
    (elf::DT_PLTREL, "DT_PLTREL"),
    (elf::DT_DEBUG, "DT_DEBUG"),
    (elf::DT_JMPREL, "DT_JMPREL"),
    (elf::DT_BIND_NOW, "DT_BIND_NOW"),
    (elf::DT_INIT_ARRAY, "DT_INIT_ARRAY"),
    (elf::DT_FINI_ARRAY, "DT_FINI_ARRAY"),
    (elf::DT_INIT_ARRAYSZ, "DT_INIT_ARRAYSZ"),
    (elf::DT_FINI_ARRAYSZ, "DT_FINI_ARRAYSZ"),
    (elf::DT_RELR, "DT_RELR"),
    (elf::DT_RELRSZ, "DT_RELRSZ"),
    (elf::DT_RELRENT, "DT_RELRENT"),
    (elf::DT_GNU_HASH, "DT_GNU_HASH"),
    (elf::DT_TLSDESC_PLT, "DT_TLSDESC_PLT"),
    (elf::DT_TLSDESC_GOT, "DT_TLSDESC_GOT"),
    (elf::DT_VERSYM, "DT_VERSYM"),
    (elf::DT_RELACOUNT, "DT_RELACOUNT"),
    (elf::DT_RELCOUNT, "DT_RELCOUNT"),
    (elf::DT_VERDEF, "DT_VERDEF"),
    (elf::DT_VERDEFNUM, "DT_VERDEFNUM"),
    (elf::DT_VERNEED, "DT_VERNEED"),
    (elf::DT_VERNEEDNUM, "DT_VERNEEDNUM"),
];

/// The entries whose value is a text, and what they are called.
const NAMED: [(elf::DynamicTag, &str); 9] = [
    (elf::DT_NEEDED, "DT_NEEDED"),
    (elf::DT_SONAME, "DT_SONAME"),
    (elf::DT_RPATH, "DT_RPATH"),
    (elf::DT_RUNPATH, "DT_RUNPATH"),
    (elf::DT_AUDIT, "DT_AUDIT"),
    (elf::DT_DEPAUDIT, "DT_DEPAUDIT"),
    (elf::DT_CONFIG, "DT_CONFIG"),
    (elf::DT_FILTER, "DT_FILTER"),
    (elf::DT_AUXILIARY, "DT_AUXILIARY"),
];

impl fmt::Display for DynamicTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMED.iter().chain(&HARMLESS).find(|(known, _)| known.0 == self.0) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "{:#x}", self.0),
        }
    }
}
