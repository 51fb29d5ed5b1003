use object::elf;

use super::entries::{Entries, Strings};
use super::error::LibraryError;
use super::image::Image;
use super::policy::DynamicTag;
use super::symbols::Symbols;
use super::{tables, versions};

/// What a library's dynamic table says to the linker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DynamicTable {
    pub(super) soname: Option<String>,
    pub(super) needed: Vec<String>,
    /// The first library of which the linker would look for versions, and which is not needed.
    pub(super) unlisted: Option<String>,
    /// What a library may not have, with its text if it has one.
    pub(super) forbidden: Vec<(DynamicTag, Option<String>)>,
    pub(super) has_text_relocations: bool,
    pub(super) is_executable: bool,
    /// Those of `DT_FLAGS_1` that a library may not have.
    pub(super) forbidden_flags: u64,
    /// The name of the first unique symbol.
    pub(super) unique_symbol: Option<String>,
}

/// To bind all symbols at once, never to be unloaded, and to expand `$ORIGIN`. What else
/// `DT_FLAGS_1` can say changes which libraries and symbols are found, or is not known.
/// `DF_1_INITFIRST` is not harmless either: before glibc 2.31, if a library with it failed to load,
/// the next load used freed memory (bug 25396).
const HARMLESS_FLAGS: u64 = elf::DF_1_NOW.0 | elf::DF_1_NODELETE.0 | elf::DF_1_ORIGIN.0;

impl DynamicTable {
    pub(super) fn read(image: &Image<'_>) -> Result<Self, LibraryError> {
        let entries = Entries::read(image)?;
        let strings = Strings::find(image, &entries)?;
        let mut table = Self::default();
        for (tag, value) in entries.iter() {
            match elf::DynamicTag(tag.0) {
                elf::DT_NEEDED => table.needed.push(strings.text(tag, value)?),
                elf::DT_SONAME => table.soname = Some(strings.text(tag, value)?),
                elf::DT_TEXTREL => table.has_text_relocations = true,
                elf::DT_FLAGS => {
                    table.has_text_relocations |= value & elf::DF_TEXTREL.0 != 0;
                }
                elf::DT_FLAGS_1 => {
                    table.is_executable = value & elf::DF_1_PIE.0 != 0;
                    table.forbidden_flags = value & !HARMLESS_FLAGS;
                }
                _ if tag.is_harmless() => {}
                _ if tag.has_text() => {
                    table.forbidden.push((tag, Some(strings.text(tag, value)?)));
                }
                _ => table.forbidden.push((tag, None)),
            }
        }
        tables::require(image, &entries)?;
        let symbols = Symbols::find(image, &entries)?;
        table.unique_symbol = symbols.first_unique(&strings)?;
        table.unlisted = versions::read(image, &entries, &strings, symbols.count, &table.needed)?;
        Ok(table)
    }
}
