//! Damaged libraries are refused, or read as the dynamic linker reads them.

use std::io::Write;

use super::edit::{
    ENTRY, HEADER, PROGRAM_HEADER, entries, entry, field, library, program_header, program_headers,
    set, with_room_for, with_strings_behind_the_table, with_tag, with_value,
};
use super::random::{flip_each_bit, is_refused_or_read_as_by_the_linker};
use super::*;

fn malformed(library: &[u8]) -> MalformedLibrary {
    match read(library) {
        Err(LibraryError::Malformed(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_model_of_the_linker_agrees_on_whole_libraries() {
    let library = library();
    let view = linker::view(&library).unwrap();
    assert_eq!(view.needed, [&b"libpath.so"[..], b"libm.so.6", b"libc.so.6"]);
    assert_eq!(view.soname.as_deref(), Some(&b"libfoo.so"[..]));
    is_refused_or_read_as_by_the_linker(&library);
    // And it is one that can disagree: with another path to the strings it sees other needs.
    let moved = with_value(&library, 5, field(&library, entry(&library, 5) + 8) + 1);
    assert_ne!(linker::view(&moved), Some(view));
}

#[test]
fn a_library_that_was_cut_off_anywhere_is_refused() {
    let library = library();
    read(&library).unwrap();
    let last = entries(&library).last().copied().unwrap() + 2 * ENTRY;
    for length in
        (0..HEADER + 12 * PROGRAM_HEADER).chain(last - 400..last).chain([library.len() - 1])
    {
        let refused = read(&library[..length]);
        match length {
            0..4 => assert!(matches!(refused, Err(LibraryError::NotElf)), "{length}: {refused:?}"),
            _ => {
                assert!(
                    matches!(refused, Err(LibraryError::Malformed(_))),
                    "{length}: {refused:?}"
                );
            }
        }
    }
}

#[test]
fn each_flipped_bit_of_the_headers_is_refused_or_read_as_by_the_linker() {
    let library = library();
    let headers = 0..HEADER + PROGRAM_HEADER * program_headers(&library).count();
    let table = entries(&library);
    let table = table[0]..table.last().unwrap() + 2 * ENTRY;
    let (refused, accepted) = flip_each_bit(&library, headers.chain(table));
    assert!(refused > 1000 && accepted > 1000, "{refused} refused, {accepted} accepted");
}

#[test]
fn program_headers_that_are_not_in_the_file_or_too_many_are_refused() {
    let library = library();
    for offset in [library.len() as u64, u64::MAX, u64::MAX - 55, 1 << 63] {
        let mut damaged = library.clone();
        set(&mut damaged, 32, offset);
        assert_eq!(malformed(&damaged), MalformedLibrary::ProgramHeaders);
    }
    let headers = program_headers(&library).collect::<Vec<_>>();
    let headers = headers[0]..headers.last().unwrap() + PROGRAM_HEADER;
    for (count, is_read) in [(128_u16, true), (129, false), (0xffff, false)] {
        // The further ones are `PT_NULL`.
        let mut longer = library.clone();
        longer.resize(longer.len().next_multiple_of(8), 0);
        let end = longer.len();
        longer.extend_from_within(headers.clone());
        longer.resize(1 << 23, 0);
        set(&mut longer, 32, end as u64);
        longer[56..58].copy_from_slice(&count.to_le_bytes());
        match is_read {
            true => drop(read(&longer).unwrap()),
            false => assert_eq!(malformed(&longer), MalformedLibrary::ProgramHeaders),
        }
    }
    let mut damaged = library;
    damaged[54] += 8;
    assert_eq!(malformed(&damaged), MalformedLibrary::ProgramHeaders);
}

#[test]
fn segments_that_wrap_or_leave_the_file_are_refused() {
    let library = library();
    let last = program_headers(&library).filter(|&at| library[at..at + 4] == [1, 0, 0, 0]).last();
    let at = last.unwrap();
    for (offset, value) in [
        (8, u64::MAX - 0xfff),
        (16, u64::MAX - 0xfff),
        (32, u64::MAX),
        (40, u64::MAX),
        (32, field(&library, at + 40) + 1),
        (40, 0),
        (16, field(&library, at + 16) + 1),
        // Where no process has addresses.
        (16, field(&library, at + 16) + (1 << 63)),
    ] {
        let mut damaged = library.clone();
        set(&mut damaged, at + offset, value);
        let reason = malformed(&damaged);
        assert!(matches!(reason, MalformedLibrary::Segment { .. }), "{offset}: {reason:?}");
    }
    let mut empty = library.clone();
    for offset in [32, 40] {
        set(&mut empty, at + offset, 0);
    }
    assert!(matches!(malformed(&empty), MalformedLibrary::Segment { .. }));
}

#[test]
fn a_segment_with_more_in_the_file_than_in_memory_is_refused() {
    let library = library();
    let at = program_header(&library, 1);
    let in_file = field(&library, at + 32);
    for (in_memory, is_accepted) in [(in_file, true), (in_file - 1, false)] {
        let mut damaged = library.clone();
        set(&mut damaged, at + 40, in_memory);
        assert_eq!(read(&damaged).is_ok(), is_accepted);
    }
}

#[test]
fn segments_that_overlap_or_are_not_in_order_are_refused() {
    let library = library();
    let loads: Vec<_> =
        program_headers(&library).filter(|&at| library[at..at + 4] == [1, 0, 0, 0]).collect();
    // The second gets a page of the first.
    let mut overlapping = library.clone();
    set(&mut overlapping, loads[0] + 40, 0x1001);
    let reason = malformed(&overlapping);
    assert!(matches!(reason, MalformedLibrary::SegmentOrder { .. }), "{reason:?}");

    let mut swapped = library.clone();
    let [first, second] = [loads[0], loads[1]].map(|at| at..at + PROGRAM_HEADER);
    swapped.copy_within(second.clone(), first.start);
    swapped[second].copy_from_slice(&library[first]);
    let reason = malformed(&swapped);
    assert!(matches!(reason, MalformedLibrary::SegmentOrder { .. }), "{reason:?}");
}

#[test]
fn a_second_header_of_a_kind_that_the_linker_goes_by_is_refused() {
    let library = library();
    // GNU_EH_FRAME, which the linker does not need.
    let spare = program_header(&library, 0x6474_e550);
    for kind in [2, 0x6474_e551, 0x6474_e552] {
        let mut damaged = library.clone();
        let at = program_header(&library, kind);
        damaged.copy_within(at..at + PROGRAM_HEADER, spare);
        assert_eq!(malformed(&damaged), MalformedLibrary::RepeatedHeader { kind });
    }
}

#[test]
fn a_header_of_the_program_headers_has_to_lead_to_them() {
    let mut library = library();
    let [first, spare] = [1, 0x6474_e550].map(|kind| program_header(&library, kind));
    let table = field(&library, first + 16) + HEADER as u64;
    library[spare] = 6;
    library[spare + 1..spare + 4].fill(0);
    for (address, is_good) in [(table, true), (0, false), (table + 8, false), (1 << 40, false)] {
        set(&mut library, spare + 16, address);
        assert_eq!(read(&library).is_ok(), is_good, "{address}");
    }
}

#[test]
fn a_dynamic_table_elsewhere_than_its_header_says_is_refused() {
    let library = library();
    let at = program_header(&library, 2);
    let mut none = library.clone();
    none[at..at + 4].fill(0);
    assert_eq!(malformed(&none), MalformedLibrary::NoDynamicTable);
    // Its offset, its address, both, its size.
    for (offsets, change) in [(&[8][..], 16), (&[16], 16), (&[8, 16], 1 << 40), (&[32], 1 << 20)] {
        let mut damaged = library.clone();
        for offset in offsets {
            let value = field(&library, at + offset) + change;
            set(&mut damaged, at + offset, value);
        }
        assert_eq!(malformed(&damaged), MalformedLibrary::DynamicTable);
    }
    // Without an end.
    let mut endless = library.clone();
    set(&mut endless, at + 32, (ENTRY * entries(&library).len()) as u64);
    assert_eq!(malformed(&endless), MalformedLibrary::DynamicTable);
}

#[test]
fn more_entries_than_a_library_can_need_are_refused() {
    read(&with_room_for(1024)).unwrap();
    assert_eq!(malformed(&with_room_for(1025)), MalformedLibrary::DynamicTable);
}

#[test]
fn a_text_longer_than_any_name_is_refused() {
    let with = |length| shared(&[&format!("-Wl,-soname,{}", "a".repeat(length))]);
    assert_eq!(read(&with(1023)).unwrap().soname().map(str::len), Some(1023));
    let reason = malformed(&with(1024));
    assert_eq!(reason, MalformedLibrary::Text { tag: DynamicTag(14) });
}

#[test]
fn each_way_to_declare_text_relocations_counts() {
    let has = |library: &[u8]| {
        faults(library).iter().any(|fault| matches!(fault, LibraryError::TextRelocations))
    };
    // DT_TEXTREL, and DF_TEXTREL among the flags.
    assert!(has(&with_tag(22, 0)));
    assert!(has(&with_tag(30, 4)));
    assert!(!has(&with_tag(30, 3)));
}

#[test]
fn strings_elsewhere_than_in_the_table_are_refused() {
    let library = library();
    for (tag, value) in [(5, 1 << 40), (5, u64::MAX), (10, 1 << 40), (10, u64::MAX)] {
        assert_eq!(malformed(&with_value(&library, tag, value)), MalformedLibrary::StringTable);
    }
    let size = field(&library, entry(&library, 10) + 8);
    for (tag, offset) in [(1, size), (1, u64::MAX), (14, size + 1), (14, 1 << 63)] {
        let reason = malformed(&with_value(&library, tag, offset));
        assert_eq!(reason, MalformedLibrary::Text { tag: DynamicTag(tag as i64) });
    }
    // The last string without its end, by the table's size and by its last byte; and no strings.
    for bytes in [size - 1, 0] {
        let reason = malformed(&with_value(&library, 10, bytes));
        assert_eq!(reason, MalformedLibrary::StringTable);
    }
    let mut endless = library.clone();
    let last = (field(&library, entry(&library, 5) + 8) + size - 1) as usize;
    assert_eq!(std::mem::replace(&mut endless[last], b'x'), 0);
    assert_eq!(malformed(&endless), MalformedLibrary::StringTable);
}

/// The linker adds the library's address to entries of the table, and reads names afterwards.
#[test]
fn strings_that_overlap_the_dynamic_table_are_refused() {
    let (library, strings) = with_strings_behind_the_table();
    assert_eq!(read(&library).unwrap(), read(&edit::library()).unwrap());
    let header = program_header(&library, 2);
    let table = field(&library, header + 16);
    // A table that ends where the strings begin, and one that ends an entry later.
    for (size, is_accepted) in [(strings - table, true), (strings - table + 16, false)] {
        let mut longer = library.clone();
        set(&mut longer, header + 32, size);
        match is_accepted {
            true => drop(read(&longer).unwrap()),
            false => assert_eq!(malformed(&longer), MalformedLibrary::StringTable),
        }
    }
    let attack = needing_a_text_within_the_table();
    assert_eq!(malformed(&attack), MalformedLibrary::StringTable);
    let view = linker::view(&attack).unwrap();
    assert_eq!(view.needed[1..], [&b"libm.so.6"[..], b"libc.so.6"]);
    assert!(view.needed[0].starts_with(b"l") && view.needed[0] != b"libm", "{view:?}");
}

/// With strings that begin with the dynamic table, and a dependency whose name in the file,
/// `libm`, is the value of `DT_PLTGOT`.
fn needing_a_text_within_the_table() -> Vec<u8> {
    let (mut library, strings) = with_strings_behind_the_table();
    let table = field(&library, program_header(&library, 2) + 16);
    let distance = strings - table;
    for at in entries(&library) {
        let value = field(&library, at + 8);
        match field(&library, at) {
            1 | 14 => set(&mut library, at + 8, value + distance),
            3 => set(&mut library, at + 8, u64::from_le_bytes(*b"libm\0\0\0\0")),
            5 => set(&mut library, at + 8, table),
            10 => set(&mut library, at + 8, value + distance),
            _ => {}
        }
    }
    let text = (entry(&library, 3) + 8 - entries(&library)[0]) as u64;
    with_value(&library, 1, text)
}

#[test]
fn two_entries_of_which_one_would_count_are_refused() {
    for tag in [5, 10, 14] {
        let reason = malformed(&with_tag(tag, 0));
        assert_eq!(reason, MalformedLibrary::RepeatedEntry { tag: DynamicTag(tag as i64) });
    }
    // Each of several dependencies counts.
    let library = with_tag(1, field(&library(), entry(&library(), 1) + 8));
    assert_eq!(read(&library).unwrap().needed().len(), 4);
}

/// glibc drops the upper bits of the tags for filters: `DT_AUXILIARY` has many numbers.
#[test]
fn unknown_entries_and_other_numbers_of_known_ones_are_refused() {
    let name = field(&library(), entry(&library(), 1) + 8);
    for tag in [
        0x6fff_fefa, // DT_CONFIG
        0x6fff_fef9, // DT_GNU_LIBLIST
        0x6fff_fdfd, // DT_POSFLAG_1
        0x7fff_fffd, // DT_AUXILIARY, and other numbers for it
        0xffff_fffd,
        0x1_7fff_fffd,
        u64::MAX - 2,
        0x7fff_ffff, // DT_FILTER, and another number for it
        0xffff_ffff,
        0x6000_0000,
        32, // DT_PREINIT_ARRAY
    ] {
        let faults = faults(&with_tag(tag, name));
        let found = faults.iter().find_map(|fault| match fault {
            LibraryError::ForbiddenTag { tag, .. } => Some(*tag),
            _ => None,
        });
        assert_eq!(found, Some(DynamicTag(tag as i64)), "{tag:#x}: {faults:?}");
    }
    // What such an entry holds is an address or a number, and no text.
    assert!(
        faults(&with_tag(32, u64::MAX))
            .iter()
            .any(|fault| matches!(fault, LibraryError::ForbiddenTag { value: None, .. }))
    );
    // DT_SYMBOLIC only changes an order.
    read(&with_tag(16, 0)).unwrap();
    assert!(
        !faults(&with_tag(16, 0)).iter().any(|it| matches!(it, LibraryError::ForbiddenTag { .. }))
    );
}

#[test]
fn a_sparse_file_of_many_gigabytes_is_read_as_quickly() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&library()).unwrap();
    file.set_len(1 << 40).unwrap();
    assert_eq!(SharedLibrary::read(&file).unwrap(), read(&library()).unwrap());
}

/// The real linker, where it is known.
#[test]
#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
fn this_machines_linker_asks_for_no_more_than_was_read() {
    let directory = tempfile::tempdir().unwrap();
    let library = library();
    let all: Vec<_> = linker::asked_for(&library, directory.path()).into_iter().collect();
    assert_eq!(all, ["libc.so.6", "libm.so.6", "libpath.so"]);
    let table = entries(&library);
    let table = table[0]..table.last().unwrap() + 2 * ENTRY;
    let headers = 0..HEADER + PROGRAM_HEADER * program_headers(&library).count();
    // The model says why strings within the table are refused, and this is the proof.
    let attack = linker::asked_for(&needing_a_text_within_the_table(), directory.path());
    assert!(attack.contains("libc.so.6") && !attack.contains("libm"), "{attack:?}");
    assert_eq!(attack.len(), 3, "{attack:?}");
    let mut asked = 0;
    for at in headers.chain(table) {
        let mut damaged = library.clone();
        damaged[at] ^= 1 << (at % 8);
        let Ok(read) = read(&damaged) else { continue };
        for name in linker::asked_for(&damaged, directory.path()) {
            assert!(read.needed().contains(&name), "byte {at}: {name:?} and {:?}", read.needed());
            asked += 1;
        }
    }
    assert!(asked > 100, "{asked}");
}
