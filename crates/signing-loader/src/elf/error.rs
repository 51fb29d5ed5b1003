use std::fmt;
use std::io;

use object::elf;
use thiserror::Error;

use super::name::DependencyNameError;
use super::policy::DynamicTag;

/// Why a native package is refused before the dynamic linker sees it. None of its code has
/// run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// Not a native library at all.
    #[error("not a native library: it is not an ELF file")]
    NotElf,
    /// An ELF file that cannot be loaded into a process.
    #[error("not a shared library, but {found}")]
    NotShared {
        /// What it is.
        found: ElfType,
    },
    /// A library for other machines.
    #[error("the library was built for {found}; this program loads libraries for {expected}")]
    OtherTarget {
        /// What it was built for.
        found: LibraryTarget,
        /// What this program was built for.
        expected: LibraryTarget,
    },
    /// What the linker would do with the file is not certain.
    #[error("the ELF file is malformed")]
    Malformed(#[from] MalformedLibrary),
    /// The file could not be read.
    #[error("the library cannot be read")]
    Unreadable(#[from] io::Error),
    /// An entry of the dynamic table that makes the linker search or load elsewhere, or that
    /// is not known here.
    #[error("the library has the dynamic entry {tag}{}, which no package may have", shown(value.as_deref()))]
    ForbiddenTag {
        /// The entry.
        tag: DynamicTag,
        /// Its text, if it is one with a text.
        value: Option<String>,
    },
    /// Flags that change which libraries or symbols the linker finds, or that are not known here.
    #[error("the library has the flags {flags:#x} in DT_FLAGS_1, which no package may have")]
    ForbiddenFlags {
        /// Those of its flags.
        flags: u64,
    },
    /// Nothing that could be called.
    #[error("the library has no executable segment")]
    NoCode,
    /// Relocations that change code, for which the linker makes it writable.
    #[error("the library has text relocations: the linker would make its code writable")]
    TextRelocations,
    /// The linker would make the stack of each thread of the process executable.
    #[error("the library asks for an executable stack, for the whole process")]
    ExecutableStack,
    /// The library does not say which stack it needs, which the linker takes to mean an
    /// executable one.
    #[error("the library does not declare its stack, which means an executable one")]
    UndeclaredStack,
    /// Code that can be overwritten.
    #[error("the segment at address {address:#x} can be both written and executed")]
    WritableCode {
        /// The segment's address in the file.
        address: u64,
    },
    /// A dependency by path, or one that the linker would make a path of.
    #[error("the library needs {name:?}, which is not a plain library name")]
    InvalidDependency {
        /// The dependency.
        name: String,
        /// What is wrong with it.
        source: DependencyNameError,
    },
    /// A dependency that is neither verified nor allowed.
    #[error(
        "the library needs {name}, which is neither allowed nor the SONAME of a verified \
         package that is loaded already"
    )]
    DependencyNotAllowed {
        /// The dependency.
        name: super::DependencyName,
    },
    /// Several loaded packages have this SONAME, and the linker takes the first, whichever
    /// is meant.
    #[error("the library needs {name}, and several different packages have that SONAME")]
    AmbiguousDependency {
        /// The dependency.
        name: super::DependencyName,
    },
    /// A library of this process has this name, or this SONAME, and the linker would use it in
    /// place of what is meant: the verified package with the SONAME, or the library of the
    /// system whose name is allowed.
    #[error(
        "the library needs {name}, for which the dynamic linker would use another library that \
         this process has loaded"
    )]
    DependencyReplaced {
        /// The dependency.
        name: super::DependencyName,
    },
    /// Versions of a library that is not loaded with this one. The linker would end the process.
    #[error(
        "the library needs versions of {name:?}, which is not among the libraries that it needs"
    )]
    UnlistedDependency {
        /// The library.
        name: String,
    },
    /// A symbol of which glibc has one for the whole process: other packages would use that of this
    /// package in place of their own, or this package that of another one.
    #[error(
        "the library has the unique symbol {name:?}, which packages of one process would share"
    )]
    UniqueSymbol {
        /// The first one. It may be cut off.
        name: String,
    },
    /// A name that is not one for other libraries to depend on.
    #[error("the library's SONAME is {name:?}, which is not a plain library name")]
    InvalidSoname {
        /// The SONAME.
        name: String,
        /// What is wrong with it.
        source: DependencyNameError,
    },
    /// A library that the linker would use in place of one that every package may need.
    #[error("the library's SONAME is {name}, which is the name of an allowed dependency")]
    ReservedSoname {
        /// The SONAME.
        name: super::DependencyName,
    },
}

impl LibraryError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotElf | Self::NotShared { .. } => "NotALibrary",
            Self::OtherTarget { .. } => "OtherTarget",
            Self::Malformed(_) => "MalformedLibrary",
            Self::Unreadable(_) => "UnreadableFile",
            Self::ForbiddenTag { .. } => "ForbiddenDynamicTag",
            Self::ForbiddenFlags { .. } => "ForbiddenDynamicFlag",
            Self::NoCode => "NoCode",
            Self::TextRelocations => "TextRelocations",
            Self::ExecutableStack | Self::UndeclaredStack => "ExecutableStack",
            Self::WritableCode { .. } => "WritableCode",
            Self::InvalidDependency { .. } => "InvalidDependency",
            Self::DependencyNotAllowed { .. } => "DependencyNotAllowed",
            Self::AmbiguousDependency { .. } => "AmbiguousDependency",
            Self::DependencyReplaced { .. } => "DependencyReplaced",
            Self::UnlistedDependency { .. } => "UnlistedDependency",
            Self::UniqueSymbol { .. } => "UniqueSymbol",
            Self::InvalidSoname { .. } => "InvalidSoname",
            Self::ReservedSoname { .. } => "ReservedSoname",
        }
    }
}

fn shown(value: Option<&str>) -> String {
    value.map(|value| format!(" {value:?}")).unwrap_or_default()
}

/// Why an ELF file is not read further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MalformedLibrary {
    /// The file ends within its header.
    #[error("it ends within its header")]
    Header,
    /// The program headers are not of the size for this target, too many or not where they should
    /// be.
    #[error("its program headers are not where it says, too many, or of an unknown size")]
    ProgramHeaders,
    /// A segment is not in the file, empty, not aligned, or has addresses that wrap.
    #[error("the segment of program header {index} is not in the file, or cannot be mapped")]
    Segment {
        /// Which of the program headers.
        index: usize,
    },
    /// Two segments share a page, or they are not in the order of their addresses.
    #[error("the segment of program header {index} overlaps the one before, or comes before it")]
    SegmentOrder {
        /// Which of the program headers.
        index: usize,
    },
    /// Only one of them would count.
    #[error("it has two program headers of the type {kind:#x}")]
    RepeatedHeader {
        /// The `p_type`.
        kind: u32,
    },
    /// What else a program header describes is not in one segment with the rights for it:
    /// thread-local data and notes, which are read, or what the linker makes read-only, for which the
    /// segment has to be writable.
    #[error(
        "what its program header {index} describes is not in one segment with the rights for it"
    )]
    Part {
        /// Which of the program headers.
        index: usize,
    },
    /// Nothing that the linker could use.
    #[error("it has no dynamic table")]
    NoDynamicTable,
    /// The dynamic table is not in one segment with the rights for it, not at the offset that its
    /// header names, has no end, or is too large.
    #[error(
        "its dynamic table is not in a segment with the rights for it, has no end, or is too large"
    )]
    DynamicTable,
    /// Only one of them would count.
    #[error("its dynamic table has two entries {tag}")]
    RepeatedEntry {
        /// The entries' tag.
        tag: DynamicTag,
    },
    /// The string table is missing, not in one segment that can be read, does not end in a NUL, or
    /// overlaps the dynamic table, whose entries the linker changes before it reads names.
    #[error(
        "its string table is missing, not in a segment that can be read, without a NUL at its end, or overlaps the dynamic table"
    )]
    StringTable,
    /// A name that begins outside of the string table, or is too long.
    #[error("the text of its dynamic entry {tag} has no end in the string table, or is too long")]
    Text {
        /// The entry's tag.
        tag: DynamicTag,
    },
    /// What the linker goes through or calls is missing, not in one segment with the rights for it,
    /// overlaps the dynamic table, or has another form than on this target.
    #[error(
        "what its dynamic entry {tag} leads to is not in a segment with the rights for it, or not as on this target"
    )]
    Table {
        /// The tag of the table's entry.
        tag: DynamicTag,
    },
    /// A hash table by which the linker could go outside of it, into the dynamic table, or in a
    /// circle, or one that is too large.
    #[error("its hash table {tag} leads out of itself or in a circle, or is too large")]
    HashTable {
        /// The tag of the table's entry.
        tag: DynamicTag,
    },
    /// A symbol without a name in the string table.
    #[error("the name of its symbol {index} is not in the string table")]
    Symbol {
        /// Which of the symbols.
        index: usize,
    },
}

/// What an ELF file is, if not a shared library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ElfType {
    /// A program that can be loaded at any address.
    PositionIndependentExecutable,
    /// Any other type.
    Other(u16),
}

impl fmt::Display for ElfType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::PositionIndependentExecutable => f.write_str("a program"),
            Self::Other(kind) => match elf::FileType(kind) {
                elf::ET_REL => f.write_str("an object file"),
                elf::ET_EXEC => f.write_str("a program"),
                elf::ET_CORE => f.write_str("a core dump"),
                _ => write!(f, "an ELF file of type {kind}"),
            },
        }
    }
}

/// Which machines a library is for, as an ELF header says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LibraryTarget {
    /// `e_machine`.
    pub machine: u16,
    /// `EI_CLASS`.
    pub class: u8,
    /// `EI_DATA`.
    pub encoding: u8,
}

impl fmt::Display for LibraryTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match elf::Machine(self.machine) {
            elf::EM_386 => f.write_str("x86")?,
            elf::EM_X86_64 => f.write_str("x86-64")?,
            elf::EM_ARM => f.write_str("Arm")?,
            elf::EM_AARCH64 => f.write_str("AArch64")?,
            elf::EM_RISCV => f.write_str("RISC-V")?,
            elf::EM_PPC64 => f.write_str("64-bit PowerPC")?,
            elf::EM_S390 => f.write_str("S/390")?,
            machine => write!(f, "machine {machine}")?,
        }
        let class = match elf::FileClass(self.class) {
            elf::ELFCLASS32 => "32-bit",
            elf::ELFCLASS64 => "64-bit",
            _ => "unknown class",
        };
        let encoding = match elf::DataEncoding(self.encoding) {
            elf::ELFDATA2LSB => "little-endian",
            elf::ELFDATA2MSB => "big-endian",
            _ => "unknown encoding",
        };
        write!(f, " ({class}, {encoding})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_named_by_its_machine_class_and_encoding() {
        for (machine, class, encoding, name) in [
            (3, 1, 1, "x86 (32-bit, little-endian)"),
            (62, 2, 1, "x86-64 (64-bit, little-endian)"),
            (40, 1, 1, "Arm (32-bit, little-endian)"),
            (183, 2, 2, "AArch64 (64-bit, big-endian)"),
            (243, 2, 1, "RISC-V (64-bit, little-endian)"),
            (21, 2, 2, "64-bit PowerPC (64-bit, big-endian)"),
            (22, 2, 2, "S/390 (64-bit, big-endian)"),
            (62, 3, 3, "x86-64 (unknown class, unknown encoding)"),
        ] {
            assert_eq!(LibraryTarget { machine, class, encoding }.to_string(), name);
        }
        let unknown = LibraryTarget { machine: 9999, class: 2, encoding: 1 };
        assert!(unknown.to_string().contains("9999"), "{unknown}");
    }

    #[test]
    fn a_file_that_is_no_library_is_called_what_it_is() {
        let called = |kind| ElfType::Other(kind).to_string();
        assert_eq!([1, 2, 4].map(called), ["an object file", "a program", "a core dump"]);
        assert_eq!(called(7), "an ELF file of type 7");
        assert_eq!(ElfType::PositionIndependentExecutable.to_string(), "a program");
    }

    #[test]
    fn the_text_of_a_forbidden_entry_is_quoted() {
        assert_eq!((shown(Some("/evil")), shown(None)), (" \"/evil\"".into(), String::new()));
    }
}
