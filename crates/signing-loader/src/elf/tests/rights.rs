//! What the linker reads, writes and calls is in segments with the rights for that: it would crash
//! otherwise.

use super::edit::{
    field, program_header, program_headers, with_table_in_the_first_segment, with_value,
};
use super::followed::{library, malformed, table, value};
use super::*;

const READ: u8 = 4;
const WRITE: u8 = 2;
const EXECUTE: u8 = 1;

/// The program header of the segment with this address.
fn segment_of(library: &[u8], address: u64) -> usize {
    let mut headers = program_headers(library).filter(|&at| library[at..at + 4] == [1, 0, 0, 0]);
    let has = |at: &usize| {
        let [start, size] = [16, 40].map(|of| field(library, at + of));
        (start..start + size).contains(&address)
    };
    headers.find(has).unwrap()
}

fn with_rights(library: &[u8], header: usize, rights: u8) -> Vec<u8> {
    let mut library = library.to_vec();
    library[header + 4] = rights;
    library
}

#[test]
fn what_the_linker_reads_is_in_a_segment_that_can_be_read() {
    let mut library = library(&[]);
    // No notes, which are read first.
    for at in program_headers(&library) {
        if matches!(library[at..at + 4], [4, 0, 0, 0] | [0x53, 0xe5, 0x74, 0x64]) {
            library[at..at + 4].fill(0);
        }
    }
    let table = field(&library, program_header(&library, 2) + 16);
    let [strings, table, code] =
        [value(&library, 5), table, value(&library, 12)].map(|it| segment_of(&library, it));
    for (header, rights, refused) in [
        (strings, 0, Some(MalformedLibrary::StringTable)),
        (strings, EXECUTE, Some(MalformedLibrary::StringTable)),
        (strings, READ, None),
        (table, WRITE, Some(MalformedLibrary::DynamicTable)),
        (table, READ | WRITE, None),
        // Nothing of it is read.
        (code, EXECUTE, None),
    ] {
        let other = with_rights(&library, header, rights);
        match refused {
            Some(reason) => assert_eq!(malformed(&other), reason, "{rights}"),
            None => assert!(faults(&other).is_empty(), "{rights}"),
        }
    }
}

/// The linker goes by the rights of the table's own header, and the memory has those of the segment.
#[test]
fn a_dynamic_table_in_which_the_linker_writes_is_in_a_segment_that_can_be_written() {
    let library = with_table_in_the_first_segment(&library(&[]));
    let header = program_header(&library, 2);
    assert!(faults(&with_rights(&library, header, READ)).is_empty());
    let written = with_rights(&library, header, READ | WRITE);
    assert_eq!(malformed(&written), MalformedLibrary::DynamicTable);
}

#[test]
fn what_the_linker_calls_is_in_a_segment_with_code() {
    let library = library(&[]);
    let [init, fini, data, strings] = [12, 13, 25, 5].map(|tag| value(&library, tag));
    for tag in [12, 13] {
        for address in [data, strings] {
            assert_eq!(malformed(&with_value(&library, tag, address)), table(tag), "{address:#x}");
        }
        for address in [init, fini] {
            assert!(faults(&with_value(&library, tag, address)).is_empty());
        }
    }
}
