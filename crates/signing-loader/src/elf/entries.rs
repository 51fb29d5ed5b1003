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

/// The entries of a dynamic table before `DT_NULL`. The linker reads up to that, wherever it is.
pub(super) struct Entries(Vec<(DynamicTag, u64)>);

impl Entries {
    pub(super) fn read(image: &Image<'_>) -> Result<Self, LibraryError> {
        let each = size_of::<Dyn<NativeEndian>>() as u64;
        let range = image.dynamic.ok_or(MalformedLibrary::NoDynamicTable)?;
        let count = range.size / each;
        if count > MAX_ENTRIES {
            return Err(MalformedLibrary::DynamicTable.into());
        }
        let bytes = image.dynamic_table()?;
        let (table, _) = pod::slice_from_bytes::<Dyn<NativeEndian>>(&bytes, count as usize)
            .map_err(|()| MalformedLibrary::DynamicTable)?;
        let mut entries: Vec<(DynamicTag, u64)> = Vec::new();
        for entry in table {
            let tag = DynamicTag(entry.d_tag.get(NativeEndian).0);
            if tag.0 == elf::DT_NULL.0 {
                return Ok(Self(entries));
            }
            // Of several, the linker keeps the last. It keeps all that a library needs.
            if tag.is_known() && entries.iter().any(|(other, _)| *other == tag) {
                return Err(MalformedLibrary::RepeatedEntry { tag }.into());
            }
            entries.push((tag, wide(entry.d_val.get(NativeEndian))));
        }
        Err(MalformedLibrary::DynamicTable.into())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (DynamicTag, u64)> {
        self.0.iter().copied()
    }

    /// The value of an entry that can be there only once.
    pub(super) fn value(&self, wanted: elf::DynamicTag) -> Option<u64> {
        self.0.iter().find(|(tag, _)| tag.0 == wanted.0).map(|&(_, value)| value)
    }
}

/// The string table, at the address at which the linker finds it.
pub(super) struct Strings<'a> {
    image: &'a Image<'a>,
    range: Range,
}

impl<'a> Strings<'a> {
    pub(super) fn find(image: &'a Image<'a>, entries: &Entries) -> Result<Self, LibraryError> {
        let value = |tag| entries.value(tag).ok_or(MalformedLibrary::StringTable);
        let range = Range { address: value(elf::DT_STRTAB)?, size: value(elf::DT_STRSZ)? };
        if range.size == 0 || !image.has(range) {
            return Err(MalformedLibrary::StringTable.into());
        }
        match image.item::<u8>(range.address + (range.size - 1))? {
            Some(0) => Ok(Self { image, range }),
            _ => Err(MalformedLibrary::StringTable.into()),
        }
    }

    /// Whether a text begins at `offset`. It ends in the table, as that ends in a NUL.
    pub(super) fn has(&self, offset: impl Into<u64>) -> bool {
        offset.into() < self.range.size
    }

    /// The text at `offset`, up to its NUL. Bytes that are not UTF-8 are replaced: no name
    /// with such a byte is accepted.
    pub(super) fn text(&self, tag: DynamicTag, offset: u64) -> Result<String, LibraryError> {
        match self.beginning(offset)? {
            Some((text, true)) => Ok(text),
            _ => Err(MalformedLibrary::Text { tag }.into()),
        }
    }

    /// The text at `offset`, or its beginning, and whether that is all of it.
    pub(super) fn beginning(&self, offset: u64) -> Result<Option<(String, bool)>, LibraryError> {
        let rest = self.range.size.checked_sub(offset);
        let place = rest.and_then(|rest| Some((rest, self.range.address.checked_add(offset)?)));
        let Some((rest, address)) = place else { return Ok(None) };
        let bytes = self.image.bytes(Range { address, size: rest.min(MAX_TEXT) })?;
        let end = bytes.iter().position(|&byte| byte == 0);
        let text = String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]);
        Ok(Some((text.into_owned(), end.is_some())))
    }
}
