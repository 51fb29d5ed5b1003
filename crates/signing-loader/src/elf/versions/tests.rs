use std::io::Write as _;

use super::super::image::tests::readable;
use super::*;

/// Whether these bytes are the numbers of three symbols, of which the last is 2.
fn are_numbers(bytes: &[u8]) -> bool {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    match require_numbers(&readable(&file), Some(0x1000), 3, 2) {
        Ok(()) => true,
        Err(LibraryError::Malformed(MalformedLibrary::Table { tag })) => {
            assert_eq!(tag.0, elf::DT_VERSYM.0);
            false
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn each_symbol_has_a_number_and_no_higher_one_than_the_last() {
    let numbers = |numbers: [u16; 3]| numbers.map(u16::to_ne_bytes).concat();
    assert!(are_numbers(&numbers([0, 1, 2])));
    assert!(!are_numbers(&numbers([0, 1, 3])));
    assert!(!are_numbers(&numbers([0, 1, 2])[..5]));
}
