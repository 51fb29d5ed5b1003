//! The symbols that a lookup can find, by the hash tables by which the linker finds them.

#[cfg(target_pointer_width = "32")]
use object::elf::Sym32 as Sym;
#[cfg(target_pointer_width = "64")]
use object::elf::Sym64 as Sym;
use object::elf::{self, GnuHashHeader};
use object::{NativeEndian, U32};

use super::entries::{Entries, Strings};
use super::error::{LibraryError, MalformedLibrary};
use super::image::{Image, Range, wide};
use super::policy::DynamicTag;

/// The largest libraries have some hundred thousand.
const MAX_SYMBOLS: u64 = 1 << 20;

/// The words of `DT_HASH`, which are wider on one processor.
#[cfg(not(target_arch = "s390x"))]
type HashWord = U32<NativeEndian>;
#[cfg(target_arch = "s390x")]
type HashWord = object::U64<NativeEndian>;

/// A symbol table up to the last symbol that a lookup can find.
pub(super) struct Symbols<'a> {
    image: &'a Image<'a>,
    address: u64,
    pub(super) count: u64,
}

impl<'a> Symbols<'a> {
    pub(super) fn find(image: &'a Image<'a>, entries: &Entries) -> Result<Self, LibraryError> {
        // The first symbol is there for those that are not found.
        let mut count = 1;
        // glibc reads the second table only if there is no first one. Other linkers differ.
        if let Some(address) = entries.value(elf::DT_GNU_HASH) {
            count = count.max(counted_by_gnu_hash(image, address)?);
        }
        if let Some(address) = entries.value(elf::DT_HASH) {
            count = count.max(counted_by_hash(image, address)?);
        }
        let size = count * size_of::<Sym<NativeEndian>>() as u64;
        match entries.value(elf::DT_SYMTAB) {
            Some(address) if image.has(Range { address, size }) => {
                Ok(Self { image, address, count })
            }
            _ => Err(MalformedLibrary::Table { tag: DynamicTag(elf::DT_SYMTAB.0) }.into()),
        }
    }

    /// The name of the first symbol of which glibc has one for the whole process.
    pub(super) fn first_unique(
        &self,
        strings: &Strings<'_>,
    ) -> Result<Option<String>, LibraryError> {
        let mut found = None;
        let symbols = self.image.items::<Sym<NativeEndian>>(self.address, self.count);
        for (index, symbol) in symbols.enumerate() {
            let symbol = symbol?;
            let name = symbol.st_name.get(NativeEndian);
            if !strings.has(name) {
                return Err(MalformedLibrary::Symbol { index }.into());
            }
            if found.is_none() && symbol.st_bind() == elf::STB_GNU_UNIQUE {
                found = strings.beginning(name.into())?.map(|(name, _)| name);
            }
        }
        Ok(found)
    }
}

/// How many symbols there are, up to the last one of the hash table.
///
/// Of a bucket's symbols the table has the first. The others follow it in the symbol table, up to
/// one with a mark. So the chain that begins last ends last, and only that one is followed.
fn counted_by_gnu_hash(image: &Image<'_>, address: u64) -> Result<u64, LibraryError> {
    let malformed = MalformedLibrary::HashTable { tag: DynamicTag(elf::DT_GNU_HASH.0) };
    let header = image.item::<GnuHashHeader<NativeEndian>>(address)?.ok_or(malformed)?;
    let [buckets, first, filters] = [header.bucket_count, header.symbol_base, header.bloom_count]
        .map(|word| u64::from(word.get(NativeEndian)));
    if buckets > MAX_SYMBOLS || filters > MAX_SYMBOLS || !filters.is_power_of_two() {
        return Err(malformed.into());
    }
    let each = size_of::<U32<NativeEndian>>() as u64;
    let filter_size = filters * size_of::<usize>() as u64;
    let starts = size_of_val(&header) as u64 + filter_size;
    if !image.has(Range { address, size: starts + buckets * each }) {
        return Err(malformed.into());
    }
    let mut last = 0;
    for start in image.items::<U32<NativeEndian>>(address + starts, buckets) {
        match u64::from(start?.get(NativeEndian)) {
            0 => {}
            start if start < first => return Err(malformed.into()),
            start => last = last.max(start),
        }
    }
    if last == 0 {
        return Ok(0);
    }
    let chain = starts + (buckets + last - first) * each;
    let rest = image.rest_from(address).saturating_sub(chain) / each;
    let rest = rest.min(MAX_SYMBOLS.saturating_sub(last));
    for (word, count) in image.items::<U32<NativeEndian>>(address + chain, rest).zip(last + 1..) {
        if word?.get(NativeEndian) & 1 == 1 {
            return Ok(count);
        }
    }
    Err(malformed.into())
}

/// How many symbols there are. Each is in one chain, so that none is followed twice.
fn counted_by_hash(image: &Image<'_>, address: u64) -> Result<u64, LibraryError> {
    let malformed = MalformedLibrary::HashTable { tag: DynamicTag(elf::DT_HASH.0) };
    let each = size_of::<HashWord>() as u64;
    let word = |word: HashWord| wide(word.get(NativeEndian));
    let header = |at| -> Result<u64, LibraryError> {
        Ok(image.item::<HashWord>(at)?.map(word).ok_or(malformed)?)
    };
    let (buckets, count) = (header(address)?, header(address + each)?);
    if buckets > MAX_SYMBOLS || count > MAX_SYMBOLS {
        return Err(malformed.into());
    }
    if !image.has(Range { address, size: (2 + buckets + count) * each }) {
        return Err(malformed.into());
    }
    let starts = address + 2 * each;
    let next = image.items::<HashWord>(starts + buckets * each, count);
    let next = next.map(|it| it.map(word)).collect::<Result<Vec<_>, _>>()?;
    let mut is_followed = vec![false; next.len()];
    for start in image.items::<HashWord>(starts, buckets) {
        let mut symbol = word(start?);
        while symbol != 0 {
            let index = usize::try_from(symbol).unwrap_or(usize::MAX);
            match (is_followed.get_mut(index), next.get(index)) {
                (Some(followed @ false), Some(&next)) => {
                    *followed = true;
                    symbol = next;
                }
                _ => return Err(malformed.into()),
            }
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests;
