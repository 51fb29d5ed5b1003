//! The versions of symbols: which a library needs of others, and which it has.

use std::collections::BTreeSet;

use object::elf::{self, Verdaux, Verdef, Vernaux, Verneed};
use object::pod::Pod;
use object::{NativeEndian, U16};

use super::entries::{Entries, Strings};
use super::error::{LibraryError, MalformedLibrary};
use super::image::{Image, Range};
use super::policy::DynamicTag;

/// As many as there are numbers for, and one for each library that is needed.
const MAX_RECORDS: usize = 1 << 15;
/// The bits of a symbol's version that are its number.
const NUMBER: u16 = 0x7fff;

/// The first library of which the linker looks for versions and which is not `needed`. It ends the
/// process if it has not loaded that.
pub(super) fn read(
    image: &Image<'_>,
    entries: &Entries,
    strings: &Strings<'_>,
    symbols: u64,
    needed: &[String],
) -> Result<Option<String>, LibraryError> {
    let mut records = Records { image, left: MAX_RECORDS };
    let needed: BTreeSet<_> = needed.iter().collect();
    let (mut unlisted, mut last) = (None, 0);
    let need = entries.value(elf::DT_VERNEED);
    if let Some(start) = need {
        let tag = DynamicTag(elf::DT_VERNEED.0);
        let malformed = MalformedLibrary::Table { tag };
        let needs = records
            .list::<Verneed<NativeEndian>>(start, malformed, |it| it.vn_next.get(NativeEndian))?;
        for (at, need) in needs {
            let name = strings.text(tag, need.vn_file.get(NativeEndian).into())?;
            if unlisted.is_none() && !needed.contains(&name) {
                unlisted = Some(name);
            }
            let first = at + u64::from(need.vn_aux.get(NativeEndian));
            let versions = records.list::<Vernaux<NativeEndian>>(first, malformed, |it| {
                it.vna_next.get(NativeEndian)
            })?;
            for (_, version) in versions {
                last = last.max(version.vna_other.get(NativeEndian).0 & NUMBER);
                if !strings.has(version.vna_name.get(NativeEndian)) {
                    return Err(malformed.into());
                }
            }
        }
    }
    let definition = entries.value(elf::DT_VERDEF);
    if let Some(start) = definition {
        let malformed = MalformedLibrary::Table { tag: DynamicTag(elf::DT_VERDEF.0) };
        let definitions = records
            .list::<Verdef<NativeEndian>>(start, malformed, |it| it.vd_next.get(NativeEndian))?;
        for (at, definition) in definitions {
            last = last.max(definition.vd_ndx.get(NativeEndian).0 & NUMBER);
            let at = at + u64::from(definition.vd_aux.get(NativeEndian));
            let name = image.item::<Verdaux<NativeEndian>>(at)?.ok_or(malformed)?;
            if !strings.has(name.vda_name.get(NativeEndian)) {
                return Err(malformed.into());
            }
        }
    }
    let numbers = entries.value(elf::DT_VERSYM);
    if need.or(definition).or(numbers).is_some() {
        require_numbers(image, numbers, symbols, last)?;
    }
    Ok(unlisted)
}

/// Each symbol has a version, by its number, and no other number. The linker looks for each in its
/// list, which it makes only if some record has a number.
fn require_numbers(
    image: &Image<'_>,
    address: Option<u64>,
    symbols: u64,
    last: u16,
) -> Result<(), LibraryError> {
    let malformed = MalformedLibrary::Table { tag: DynamicTag(elf::DT_VERSYM.0) };
    let address = address.ok_or(malformed)?;
    let size = symbols * size_of::<U16<NativeEndian>>() as u64;
    if last == 0 || !image.has(Range { address, size }) {
        return Err(malformed.into());
    }
    for number in image.items::<U16<NativeEndian>>(address, symbols) {
        if number?.get(NativeEndian) & NUMBER > last {
            return Err(malformed.into());
        }
    }
    Ok(())
}

/// Reads lists in which each record says how far it is to the next one.
struct Records<'a> {
    image: &'a Image<'a>,
    left: usize,
}

impl Records<'_> {
    /// The records with their addresses.
    fn list<T: Pod>(
        &mut self,
        start: u64,
        malformed: MalformedLibrary,
        next: impl Fn(&T) -> u32,
    ) -> Result<Vec<(u64, T)>, LibraryError> {
        let (mut records, mut at) = (Vec::new(), start);
        loop {
            self.left = self.left.checked_sub(1).ok_or(malformed)?;
            let record = self.image.item::<T>(at)?.ok_or(malformed)?;
            records.push((at, record));
            match next(&record) {
                0 => return Ok(records),
                // It was found, so the address is far from the end of all addresses.
                next => at += u64::from(next),
            }
        }
    }
}

#[cfg(test)]
mod tests;
