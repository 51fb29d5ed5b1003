use object::elf;
#[cfg(target_pointer_width = "32")]
use object::elf::Dyn32 as Dyn;
#[cfg(target_pointer_width = "64")]
use object::elf::Dyn64 as Dyn;
use object::{NativeEndian, pod};

use super::error::{LibraryError, MalformedLibrary};
use super::image::{Image, Range, wide};
use super::policy::DynamicTag;

/// Linkers write about thirty, and one for each dependency.
pub(super) const MAX_ENTRIES: u64 = 1024;
/// Longer than any library name, and than most search paths.
const MAX_TEXT: u64 = 1024;

/// What a library's dynamic table says to the linker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DynamicTable {
    pub(super) soname: Option<String>,
    pub(super) needed: Vec<String>,
    /// What a library may not have, with its text if it has one.
    pub(super) forbidden: Vec<(DynamicTag, Option<String>)>,
    pub(super) has_text_relocations: bool,
    pub(super) is_executable: bool,
    /// Those of `DT_FLAGS_1` that a library may not have.
    pub(super) forbidden_flags: u64,
}

/// To bind all symbols at once, never to be unloaded, to expand `$ORIGIN`, and to have its
/// constructors run first. What else `DT_FLAGS_1` can say changes which libraries and
/// symbols are found, or is not known.
const HARMLESS_FLAGS: u64 =
    elf::DF_1_NOW.0 | elf::DF_1_NODELETE.0 | elf::DF_1_ORIGIN.0 | elf::DF_1_INITFIRST.0;

impl DynamicTable {
    pub(super) fn read(image: &Image<'_>) -> Result<Self, LibraryError> {
        let entries = entries(image)?;
        let strings = Strings::find(image, &entries)?;
        let mut table = Self::default();
        for &(tag, value) in &entries {
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
        Ok(table)
    }
}

/// The entries before `DT_NULL`. The linker reads up to that, wherever it is.
fn entries(image: &Image<'_>) -> Result<Vec<(DynamicTag, u64)>, LibraryError> {
    let each = size_of::<Dyn<NativeEndian>>() as u64;
    let range = image.dynamic.ok_or(MalformedLibrary::NoDynamicTable)?;
    let count = range.size / each;
    if count > MAX_ENTRIES || !image.has(range) {
        return Err(MalformedLibrary::DynamicTable.into());
    }
    let bytes = image.bytes(range)?;
    let (table, _) = pod::slice_from_bytes::<Dyn<NativeEndian>>(&bytes, count as usize)
        .map_err(|()| MalformedLibrary::DynamicTable)?;
    let mut entries: Vec<(DynamicTag, u64)> = Vec::new();
    for entry in table {
        let tag = DynamicTag(entry.d_tag.get(NativeEndian).0);
        if tag.0 == elf::DT_NULL.0 {
            return Ok(entries);
        }
        // Of several, the linker keeps the last. It keeps all that a library needs.
        if tag.is_known() && entries.iter().any(|(other, _)| *other == tag) {
            return Err(MalformedLibrary::RepeatedEntry { tag }.into());
        }
        entries.push((tag, wide(entry.d_val.get(NativeEndian))));
    }
    Err(MalformedLibrary::DynamicTable.into())
}

/// The string table, at the address at which the linker finds it.
struct Strings<'a> {
    image: &'a Image<'a>,
    range: Range,
}

impl<'a> Strings<'a> {
    fn find(image: &'a Image<'a>, entries: &[(DynamicTag, u64)]) -> Result<Self, MalformedLibrary> {
        let value = |wanted: elf::DynamicTag| {
            let found = entries.iter().find(|(tag, _)| tag.0 == wanted.0);
            found.map(|&(_, value)| value).ok_or(MalformedLibrary::StringTable)
        };
        let range = Range { address: value(elf::DT_STRTAB)?, size: value(elf::DT_STRSZ)? };
        // The linker adds the library's address to entries of the table before it reads names:
        // a name within the table would change.
        let is_apart = image.dynamic.is_none_or(|table| {
            let end = |range: Range| range.address.saturating_add(range.size);
            end(table) <= range.address || end(range) <= table.address
        });
        match image.has(range) && is_apart {
            true => Ok(Self { image, range }),
            false => Err(MalformedLibrary::StringTable),
        }
    }

    /// The text at `offset`, up to its NUL. Bytes that are not UTF-8 are replaced: no name
    /// with such a byte is accepted.
    fn text(&self, tag: DynamicTag, offset: u64) -> Result<String, LibraryError> {
        let malformed = MalformedLibrary::Text { tag };
        let rest = self.range.size.checked_sub(offset).ok_or(malformed)?;
        let address = self.range.address.checked_add(offset).ok_or(malformed)?;
        let bytes = self.image.bytes(Range { address, size: rest.min(MAX_TEXT) })?;
        let end = bytes.iter().position(|&byte| byte == 0).ok_or(malformed)?;
        Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }
}
