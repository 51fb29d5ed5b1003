//! The fields of a library, and changes of them. All are as in a 64-bit little-endian file.

use super::{PLAIN, compile};

pub(super) const HEADER: usize = 64;
pub(super) const PROGRAM_HEADER: usize = 56;
pub(super) const ENTRY: usize = 16;

/// A library with everything that the tests look at.
pub(super) fn library() -> Vec<u8> {
    library_with(PLAIN, &[])
}

pub(super) fn library_with(source: &str, more: &[&str]) -> Vec<u8> {
    let options = ["-shared", "-Wl,-soname,libfoo.so", "-L.", "-l:libpath.so", "-lm"];
    let library = compile(source, &[&options, more].concat());
    // Section headers are nothing that the linker reads.
    let end =
        program_headers(&library).map(|at| field(&library, at + 8) + field(&library, at + 32));
    let end = end.max().unwrap() as usize;
    without_sections(&library)[..end].to_vec()
}

pub(super) fn field(library: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(library[at..at + 8].try_into().unwrap())
}

pub(super) fn set(library: &mut [u8], at: usize, value: u64) {
    library[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

/// Where the program headers are.
pub(super) fn program_headers(library: &[u8]) -> impl Iterator<Item = usize> + use<> {
    let (start, count) = (field(library, 32) as usize, usize::from(library[56]));
    (0..count).map(move |index| start + PROGRAM_HEADER * index)
}

pub(super) fn program_header(library: &[u8], kind: u32) -> usize {
    let is_kind = |at: &usize| library[*at..*at + 4] == kind.to_le_bytes();
    program_headers(library).find(is_kind).unwrap()
}

/// Where the entries of the dynamic table are.
pub(super) fn entries(library: &[u8]) -> Vec<usize> {
    let header = program_header(library, 2);
    let start = field(library, header + 8) as usize;
    let all = (0..).map(|index| start + ENTRY * index);
    all.take_while(|&at| field(library, at) != 0).collect()
}

pub(super) fn entry(library: &[u8], tag: u64) -> usize {
    entries(library).into_iter().find(|&at| field(library, at) == tag).unwrap()
}

pub(super) fn without_stack(library: &[u8]) -> Vec<u8> {
    let mut library = library.to_vec();
    let at = program_header(&library, 0x6474_e551);
    library[at..at + 4].fill(0);
    library
}

/// With no right to execute any segment.
pub(super) fn without_code(library: &[u8]) -> Vec<u8> {
    let mut library = library.to_vec();
    for at in program_headers(&library) {
        library[at + 4] &= !1;
    }
    library
}

/// With code that is nowhere in the file.
pub(super) fn with_empty_code(library: &[u8]) -> Vec<u8> {
    let mut library = library.to_vec();
    for at in program_headers(&library) {
        if library[at + 4] & 1 == 1 {
            set(&mut library, at + 32, 0);
        }
    }
    library
}

pub(super) fn without_sections(library: &[u8]) -> Vec<u8> {
    let mut library = library.to_vec();
    set(&mut library, 40, 0);
    library[58..HEADER].fill(0);
    library
}

/// With another value in the first entry of this tag.
pub(super) fn with_value(library: &[u8], tag: u64, value: u64) -> Vec<u8> {
    let mut library = library.to_vec();
    let at = entry(&library, tag);
    set(&mut library, at + 8, value);
    library
}

/// With another tag in place of `DT_FINI`.
pub(super) fn with_tag(tag: u64, value: u64) -> Vec<u8> {
    let mut library = library();
    let at = entry(&library, 13);
    set(&mut library, at, tag);
    set(&mut library, at + 8, value);
    library
}

/// With room for so many entries behind the dynamic table.
pub(super) fn with_room_for(entries: u64) -> Vec<u8> {
    let mut library = library();
    let dynamic = program_header(&library, 2);
    let is_load = |at: &usize| library[*at..*at + 4] == [1, 0, 0, 0];
    let last = program_headers(&library).filter(is_load).last().unwrap();
    let room = ENTRY as u64 * entries;
    for field_of in [32, 40] {
        let size = field(&library, last + field_of) + room;
        set(&mut library, last + field_of, size);
    }
    library.resize(library.len() + room as usize, 0);
    set(&mut library, dynamic + 32, room);
    library
}

/// With the dynamic table at the end of the first page, which holds the first segment, and without
/// the right to write there: as a linker makes it for `-z rodynamic`.
pub(super) fn with_table_in_the_first_segment(library: &[u8]) -> Vec<u8> {
    let mut library = library.to_vec();
    let [first, dynamic] = [1, 2].map(|kind| program_header(&library, kind));
    let (start, size) = (field(&library, dynamic + 8) as usize, field(&library, dynamic + 32));
    let copy = 0x1000 - size;
    assert!(field(&library, first + 40) <= copy, "no room in the first page");
    library.copy_within(start..start + size as usize, copy as usize);
    for of in [32, 40] {
        set(&mut library, first + of, 0x1000);
    }
    for of in [8, 16, 24] {
        set(&mut library, dynamic + of, copy);
    }
    library[dynamic + 4] = 4;
    library
}

/// With a copy of the strings at the end of the last segment, which is the one with the dynamic
/// table; and the address of that copy.
pub(super) fn with_strings_behind_the_table() -> (Vec<u8>, u64) {
    let mut library = library();
    let is_load = |at: &usize| library[*at..*at + 4] == [1, 0, 0, 0];
    let last = program_headers(&library).filter(is_load).last().unwrap();
    let [offset, address, in_file] = [8, 16, 32].map(|of| field(&library, last + of));
    // Past what is only in memory, and where an entry could begin.
    let copy_at = (offset + field(&library, last + 40).max(in_file)).next_multiple_of(16);
    let [strings, size] = [5, 10].map(|tag| field(&library, entry(&library, tag) + 8) as usize);
    library.resize(copy_at as usize, 0);
    library.extend_from_within(strings..strings + size);
    for of in [32, 40] {
        let whole = library.len() as u64 - offset;
        set(&mut library, last + of, whole);
    }
    let copy = copy_at - offset + address;
    (with_value(&library, 5, copy), copy)
}
