//! What the linker goes through before any code of the library runs, and where it would crash, end
//! the process, or never end.

use super::edit::{
    HEADER, PROGRAM_HEADER, entry, field, program_header, set, with_table_in_the_first_segment,
    with_value,
};
use super::*;

pub(super) const FAR: u64 = 1 << 40;
const SYMTAB: u64 = 6;
const HASH: u64 = 4;
const GNU_HASH: u64 = 0x6fff_fef5;
pub(super) const VERNEED: u64 = 0x6fff_fffe;
pub(super) const VERDEF: u64 = 0x6fff_fffc;
pub(super) const VERSYM: u64 = 0x6fff_fff0;

/// With constructors, functions of other libraries, and versions of its own.
pub(super) fn library(more: &[&str]) -> Vec<u8> {
    let source = "
        int puts(const char *);
        int of_version(void) { return 1; }
        __attribute__((constructor)) static void start(void) {}
        __attribute__((destructor)) static void end(void) {}
        int (*pointer)(const char *) = puts;
        int answer(void) { return puts(\"\"); }
    ";
    let script = tempfile::NamedTempFile::new().unwrap();
    fs::write(script.path(), "VERSION { global: of_version; };\n").unwrap();
    let script = format!("-Wl,--version-script={}", script.path().display());
    compile(source, &[&["-shared", &*script], more].concat())
}

pub(super) fn malformed(library: &[u8]) -> MalformedLibrary {
    match read(library) {
        Err(LibraryError::Malformed(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

pub(super) fn table(tag: u64) -> MalformedLibrary {
    MalformedLibrary::Table { tag: DynamicTag(tag as i64) }
}

fn hash_table(tag: u64) -> MalformedLibrary {
    MalformedLibrary::HashTable { tag: DynamicTag(tag as i64) }
}

pub(super) fn value(library: &[u8], tag: u64) -> u64 {
    field(library, entry(library, tag) + 8)
}

/// With other words at an address, which in this library is the offset too.
pub(super) fn with_words(library: &[u8], at: u64, words: &[u32]) -> Vec<u8> {
    let mut library = library.to_vec();
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    library[at as usize..][..bytes.len()].copy_from_slice(&bytes);
    library
}

pub(super) fn words(library: &[u8], at: u64, count: usize) -> Vec<u32> {
    let words = library[at as usize..].chunks(4).take(count);
    words.map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
}

#[test]
fn a_table_that_is_in_no_segment_is_refused() {
    let library = library(&[]);
    assert!(faults(&library).is_empty());
    let dynamic = field(&library, program_header(&library, 2) + 16);
    // DT_RELA, DT_JMPREL, DT_INIT_ARRAY, DT_FINI_ARRAY, DT_INIT, DT_FINI.
    for tag in [7, 23, 25, 26, 12, 13, SYMTAB, VERNEED, VERDEF, VERSYM] {
        // The linker would change what is in the dynamic table.
        for address in [FAR, u64::MAX, dynamic + 8] {
            assert_eq!(malformed(&with_value(&library, tag, address)), table(tag), "{address:#x}");
        }
    }
    for address in [FAR, u64::MAX, dynamic + 8] {
        let reason = malformed(&with_value(&library, GNU_HASH, address));
        assert_eq!(reason, hash_table(GNU_HASH));
    }
    // Their sizes, in the same order.
    for (tag, size) in [(7, 8), (23, 2), (25, 27), (26, 28)] {
        for bytes in [FAR, u64::MAX] {
            assert_eq!(malformed(&with_value(&library, size, bytes)), table(tag));
        }
        // What is not there is nowhere.
        let nothing = with_value(&with_value(&library, size, 0), tag, FAR);
        assert!(faults(&nothing).is_empty());
    }
}

#[test]
fn a_table_with_rows_of_another_size_or_kind_is_refused() {
    let library = library(&[]);
    // DT_RELAENT, DT_SYMENT, DT_PLTREL.
    for (tag, other) in [(9, 16), (11, 16), (20, 5), (20, 17)] {
        assert_eq!(malformed(&with_value(&library, tag, other)), table(tag));
    }
    // Without the entry that says it: DT_DEBUG in its place.
    for (tag, named) in [(9, 9), (11, 11), (20, 20), (8, 7), (2, 23), (VERSYM, VERSYM)] {
        let mut library = library.clone();
        let at = entry(&library, tag);
        set(&mut library, at, 21);
        assert_eq!(malformed(&library), table(named));
    }
}

/// The linker would read the last row in full.
#[test]
fn a_table_that_ends_within_a_row_is_refused() {
    let library = library(&[]);
    // DT_RELASZ, DT_PLTRELSZ, DT_INIT_ARRAYSZ, DT_FINI_ARRAYSZ.
    for (tag, row, named) in [(8, 24, 7), (2, 24, 23), (27, 8, 25), (28, 8, 26)] {
        let size = value(&library, tag);
        for part in [8, row - 8, row / 2].into_iter().filter(|part| part % row != 0) {
            assert_eq!(malformed(&with_value(&library, tag, size - part)), table(named), "{part}");
        }
        assert!(faults(&with_value(&library, tag, size - row)).is_empty());
    }
}

#[test]
fn packed_relocations_are_a_table_too() {
    let library = library(&["-Wl,-z,pack-relative-relocs"]);
    assert!(faults(&library).is_empty());
    let size = value(&library, 35);
    assert_eq!(malformed(&with_value(&library, 35, size - 4)), table(36));
    // DT_RELR, DT_RELRSZ, DT_RELRENT.
    for (tag, other, named) in [(36, FAR, 36), (35, FAR, 36), (37, 4, 37)] {
        assert_eq!(malformed(&with_value(&library, tag, other)), table(named));
    }
}

#[test]
fn a_gnu_hash_table_that_leads_out_of_itself_is_refused() {
    let library = library(&[]);
    let at = value(&library, GNU_HASH);
    let header = words(&library, at, 4);
    let [buckets, first, filters] = [0, 1, 2].map(|index| header[index]);
    assert!(buckets > 0 && first > 1, "{header:?}");
    let starts = at + 16 + 8 * u64::from(filters);
    for (at, word) in [
        // Too many buckets, a first symbol behind the others, filters of no power of two.
        (at, 1 << 30),
        (at, u32::MAX),
        (at + 4, 1 << 20),
        (at + 8, 0),
        (at + 8, 3),
        (at + 8, 1 << 31),
        // A bucket that begins before the first symbol, and one far behind the last.
        (starts, first - 1),
        (starts, 1 << 19),
        (starts, u32::MAX),
    ] {
        let damaged = with_words(&library, at, &[word]);
        assert_eq!(malformed(&damaged), hash_table(GNU_HASH), "{word:#x}");
    }
    // An empty bucket only hides symbols, and none hide all.
    for (at, word) in [(starts, 0), (at, 0)] {
        assert!(faults(&with_words(&library, at, &[word])).is_empty());
    }
}

/// Without an end, the search goes on behind the table, to the end of the segment.
#[test]
fn a_gnu_hash_chain_without_an_end_is_refused() {
    let library = library(&[]);
    let header = program_header(&library, 1);
    let end = (field(&library, header + 8) + field(&library, header + 32)) as usize;
    assert_eq!(malformed(&with_no_chain_ending_before(&library, end)), hash_table(GNU_HASH));
}

/// With no mark of an end from the first chain on to that offset.
fn with_no_chain_ending_before(library: &[u8], end: usize) -> Vec<u8> {
    let mut endless = library.to_vec();
    for word in endless[chains(library) as usize..end].chunks_mut(4) {
        word[0] &= !1;
    }
    endless
}

/// Where the chains of `DT_GNU_HASH` are.
fn chains(library: &[u8]) -> u64 {
    let at = value(library, GNU_HASH);
    let [buckets, _, filters] = words(library, at, 3)[..] else { panic!() };
    at + 16 + 8 * u64::from(filters) + 4 * u64::from(buckets)
}

/// The linker changes words of the dynamic table before it looks for symbols: an end in the file
/// may be none in memory.
#[test]
fn a_gnu_hash_chain_that_leads_into_the_dynamic_table_is_refused() {
    let library = library(&[]);
    let (at, chains) = (value(&library, GNU_HASH), chains(&library));
    let [buckets, first] = words(&library, at, 2)[..] else { panic!() };
    let dynamic = field(&library, program_header(&library, 2) + 16);
    let start = first + ((dynamic + 8 - chains) / 4) as u32;
    let begins_there = with_words(&library, chains - 4 * u64::from(buckets), &[start]);
    assert_eq!(malformed(&begins_there), hash_table(GNU_HASH));

    // In one segment with it.
    let library = with_table_in_the_first_segment(&library);
    assert!(faults(&library).is_empty());
    let table = field(&library, program_header(&library, 2) + 8) as usize;
    let ends_there = with_no_chain_ending_before(&library, table);
    assert_eq!(malformed(&ends_there), hash_table(GNU_HASH));
}

#[test]
fn symbols_of_which_the_last_byte_is_not_in_the_segment_are_refused() {
    let library = library(&["-Wl,--hash-style=sysv"]);
    let count = words(&library, value(&library, HASH) + 4, 1)[0];
    let header = program_header(&library, 1);
    let end = field(&library, header + 16) + field(&library, header + 32);
    let start = end - 24 * u64::from(count);
    assert_eq!(malformed(&with_value(&library, SYMTAB, start + 1)), table(SYMTAB));
    // Other bytes than symbols, but all of them.
    assert_ne!(malformed(&with_value(&library, SYMTAB, start)), table(SYMTAB));
}

#[test]
fn a_hash_chain_that_is_a_circle_or_leads_out_of_the_table_is_refused() {
    let library = library(&["-Wl,--hash-style=sysv"]);
    assert!(faults(&library).is_empty());
    let at = value(&library, HASH);
    let [buckets, count] = words(&library, at, 2)[..] else { panic!() };
    let starts: Vec<_> = words(&library, at + 8, buckets as usize);
    let (bucket, start) = (0_u64..).zip(starts).find(|(_, start)| *start != 0).unwrap();
    let bucket = at + 8 + 4 * bucket;
    let chain = at + 8 + 4 * u64::from(buckets + start);
    for (at, word) in [
        (at, u32::MAX),
        (at + 4, u32::MAX),
        (at + 4, 1 << 19),
        (bucket, count),
        (bucket, u32::MAX),
        (chain, start),
        (chain, count),
    ] {
        let damaged = with_words(&library, at, &[word]);
        assert_eq!(malformed(&damaged), hash_table(HASH), "{word:#x}");
    }
    for address in [FAR, u64::MAX] {
        assert_eq!(malformed(&with_value(&library, HASH, address)), hash_table(HASH));
    }
    for (at, word) in [(bucket, 0), (chain, 0)] {
        assert!(faults(&with_words(&library, at, &[word])).is_empty());
    }
}

#[test]
fn a_symbol_whose_name_is_not_in_the_string_table_is_refused() {
    let library = library(&[]);
    let symbols = value(&library, SYMTAB);
    let strings = value(&library, 10) as u32;
    for (name, is_good) in [(strings - 1, true), (strings, false), (u32::MAX, false)] {
        let other = with_words(&library, symbols + 24, &[name]);
        match is_good {
            true => assert!(faults(&other).is_empty()),
            false => assert_eq!(malformed(&other), MalformedLibrary::Symbol { index: 1 }),
        }
    }
}

/// The linker would take the right to write from the pages of other libraries, or the right to
/// execute from code.
#[test]
fn what_is_made_read_only_is_in_a_segment_that_can_be_written() {
    let library = library(&[]);
    let at = program_header(&library, 0x6474_e552);
    let index = (at - HEADER) / PROGRAM_HEADER;
    let (address, size) = (field(&library, at + 16), field(&library, at + 40));
    // In the page before those of the segment.
    let before = address - address % 0x1000 - 0x100;
    for (start, bytes, is_good) in [
        (address, size, true),
        (address, 0, true),
        (before, address + size - before, false),
        // Less than a page: the linker does nothing.
        (FAR, 0x100, true),
        (address, 0x10_0000, false),
        (address, u64::MAX, false),
        (0, 0x1000, false),
        (0, address + size, false),
        (FAR, 0x1000, false),
    ] {
        let mut other = library.clone();
        set(&mut other, at + 16, start);
        set(&mut other, at + 40, bytes);
        match is_good {
            true => assert!(faults(&other).is_empty(), "{start:#x}"),
            false => assert_eq!(malformed(&other), MalformedLibrary::Part { index }, "{start:#x}"),
        }
    }
}

#[test]
fn notes_and_thread_local_data_are_in_a_segment() {
    let library = library(&[]);
    // GNU_EH_FRAME, which the linker does not need.
    let at = program_header(&library, 0x6474_e550);
    let index = (at - HEADER) / PROGRAM_HEADER;
    // PT_TLS, PT_NOTE.
    for kind in [7_u32, 4] {
        let mut other = library.clone();
        other[at..at + 4].copy_from_slice(&kind.to_le_bytes());
        assert!(faults(&other).is_empty(), "{kind}");
        set(&mut other, at + 16, FAR);
        assert_eq!(malformed(&other), MalformedLibrary::Part { index }, "{kind}");
        for of in [32, 40] {
            set(&mut other, at + of, 0);
        }
        assert!(faults(&other).is_empty(), "{kind}");
    }
    // More in the file than in memory.
    let mut other = library;
    other[at..at + 4].copy_from_slice(&7_u32.to_le_bytes());
    set(&mut other, at + 40, 1);
    assert_eq!(malformed(&other), MalformedLibrary::Part { index });
}
