use std::io::Write as _;

use super::super::image::tests::readable;
use super::*;

/// `DT_HASH` with so many buckets and symbols, none of which is in a chain, in a file that ends so
/// many bytes before.
fn is_counted(buckets: u64, count: u64, missing: u64) -> bool {
    let mut file = tempfile::tempfile().unwrap();
    for number in [buckets, count] {
        let bytes = number.to_ne_bytes();
        let word = size_of::<HashWord>();
        let bytes = if cfg!(target_endian = "big") { &bytes[8 - word..] } else { &bytes[..word] };
        file.write_all(bytes).unwrap();
    }
    file.set_len((2 + buckets + count) * size_of::<HashWord>() as u64 - missing).unwrap();
    match counted_by_hash(&readable(&file), 0x1000) {
        Ok(counted) => {
            assert_eq!(counted, count);
            true
        }
        Err(LibraryError::Malformed(MalformedLibrary::HashTable { .. })) => false,
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn more_symbols_than_the_largest_libraries_have_are_not_read() {
    assert!(is_counted(1, MAX_SYMBOLS, 0) && is_counted(MAX_SYMBOLS, 1, 0));
    assert!(!is_counted(1, MAX_SYMBOLS + 1, 0) && !is_counted(MAX_SYMBOLS + 1, 1, 0));
}

#[test]
fn a_table_of_which_a_byte_is_missing_is_refused() {
    assert!(is_counted(3, 5, 0));
    assert!(!is_counted(3, 5, 1));
    assert!(is_counted_by_gnu_hash(7, 2, 0));
    assert!(!is_counted_by_gnu_hash(7, 2, 1));
}

/// `DT_GNU_HASH` with so many buckets, all of them empty, and words of its filter.
fn is_counted_by_gnu_hash(buckets: u64, filters: u64, missing: u64) -> bool {
    let mut file = tempfile::tempfile().unwrap();
    for number in [buckets, 1, filters, 0] {
        file.write_all(&(number as u32).to_ne_bytes()).unwrap();
    }
    file.set_len(16 + filters * size_of::<usize>() as u64 + buckets * 4 - missing).unwrap();
    match counted_by_gnu_hash(&readable(&file), 0x1000) {
        Ok(counted) => counted == 0,
        Err(LibraryError::Malformed(MalformedLibrary::HashTable { .. })) => false,
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn more_buckets_or_filters_than_the_largest_libraries_have_are_not_read() {
    let is_read = |buckets, filters| is_counted_by_gnu_hash(buckets, filters, 0);
    assert!(is_read(MAX_SYMBOLS, 1) && is_read(1, MAX_SYMBOLS));
    assert!(!is_read(MAX_SYMBOLS + 1, 1) && !is_read(1, 2 * MAX_SYMBOLS));
}
