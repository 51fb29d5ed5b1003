//! The tables that the linker goes through before any code of the library runs. It goes where
//! they are said to be, to their end, and checks little: outside of the library it would crash,
//! or end the process by an assertion.

use object::NativeEndian;
use object::elf;
#[cfg(target_pointer_width = "32")]
use object::elf::{Rel32 as Rel, Rela32 as Rela, Relr32 as Relr, Sym32 as Sym};
#[cfg(target_pointer_width = "64")]
use object::elf::{Rel64 as Rel, Rela64 as Rela, Relr64 as Relr, Sym64 as Sym};

use super::entries::Entries;
use super::error::MalformedLibrary;
use super::image::{Image, Range};
use super::policy::DynamicTag;

/// Where a table is, the entry with its size in bytes, and the size of its rows on this target.
const SIZES: [(elf::DynamicTag, elf::DynamicTag, usize); 5] = [
    (elf::DT_RELA, elf::DT_RELASZ, size_of::<Rela<NativeEndian>>()),
    (elf::DT_REL, elf::DT_RELSZ, size_of::<Rel<NativeEndian>>()),
    (elf::DT_RELR, elf::DT_RELRSZ, size_of::<Relr<NativeEndian>>()),
    (elf::DT_INIT_ARRAY, elf::DT_INIT_ARRAYSZ, size_of::<usize>()),
    (elf::DT_FINI_ARRAY, elf::DT_FINI_ARRAYSZ, size_of::<usize>()),
];

/// Where a table is, the entry with the size of its rows, and that size on this target.
const ROW_SIZES: [(elf::DynamicTag, elf::DynamicTag, usize); 4] = [
    (elf::DT_RELA, elf::DT_RELAENT, size_of::<Rela<NativeEndian>>()),
    (elf::DT_REL, elf::DT_RELENT, size_of::<Rel<NativeEndian>>()),
    (elf::DT_RELR, elf::DT_RELRENT, size_of::<Relr<NativeEndian>>()),
    (elf::DT_SYMTAB, elf::DT_SYMENT, size_of::<Sym<NativeEndian>>()),
];

/// Whether the procedure linkage table may have relocations without addends on this target.
const HAS_REL: bool = cfg!(any(target_arch = "x86", target_arch = "arm"));

pub(super) fn require(image: &Image<'_>, entries: &Entries) -> Result<(), MalformedLibrary> {
    let is_plt = match (entries.value(elf::DT_JMPREL), entries.value(elf::DT_PLTREL)) {
        (Some(_), Some(kind)) => {
            kind == elf::DT_RELA.0 as u64 || HAS_REL && kind == elf::DT_REL.0 as u64
        }
        (None, None) => true,
        _ => false,
    };
    require_that(is_plt, elf::DT_PLTREL)?;
    let plt_row = match entries.value(elf::DT_PLTREL) {
        Some(kind) if kind == elf::DT_REL.0 as u64 => size_of::<Rel<NativeEndian>>(),
        _ => size_of::<Rela<NativeEndian>>(),
    };
    for (table, size, row) in SIZES.into_iter().chain([(elf::DT_JMPREL, elf::DT_PLTRELSZ, plt_row)])
    {
        let Some(address) = entries.value(table) else { continue };
        let is_found = |size: u64| {
            size == 0 || size.is_multiple_of(row as u64) && image.has(Range { address, size })
        };
        require_that(entries.value(size).is_some_and(is_found), table)?;
    }
    for (table, row, size) in ROW_SIZES {
        let is_present = entries.value(table).is_some();
        require_that(!is_present || entries.value(row) == Some(size as u64), row)?;
    }
    for function in [elf::DT_INIT, elf::DT_FINI] {
        let is_found = entries.value(function).is_none_or(|address| image.has_code_at(address));
        require_that(is_found, function)?;
    }
    Ok(())
}

fn require_that(is_so: bool, tag: elf::DynamicTag) -> Result<(), MalformedLibrary> {
    match is_so {
        true => Ok(()),
        false => Err(MalformedLibrary::Table { tag: DynamicTag(tag.0) }),
    }
}
