//! The versions of symbols, by which the linker would crash, end the process, or never end.

use super::edit::{entry, set, with_value};
use super::followed::{
    FAR, VERDEF, VERNEED, VERSYM, library, malformed, table, value, with_words, words,
};
use super::*;

/// Cut out of what is needed, as `patchelf --remove-needed` does: the linker would end the process.
#[test]
fn versions_of_a_library_that_is_not_needed_are_refused() {
    let library = shared(&["-lresolv", "-Wl,--no-as-needed"]);
    let source = "int ns_initparse(const void *, int, void *);\n\
                  int answer(void) { return ns_initparse(0, 0, 0); }\n";
    let needs = compile(source, &["-shared", "-lresolv"]);
    for library in [&library, &needs] {
        assert!(faults(library).is_empty());
    }
    let first_needs = |library: &[u8]| read(library).unwrap().needed()[0].clone();
    assert_eq!([&library, &needs].map(|it| first_needs(it)), ["libresolv.so.2"; 2]);
    let without = |library: &[u8]| {
        let mut library = library.to_vec();
        let at = entry(&library, 1);
        set(&mut library, at, 21);
        library
    };
    assert!(faults(&without(&library)).is_empty());
    assert_fault!(without(&needs), LibraryError::UnlistedDependency { name }
        if name == "libresolv.so.2");
}

/// There may be thousands, and each is a name of its own.
#[test]
fn of_the_libraries_that_are_not_listed_the_first_is_named() {
    let source = "int ns_initparse(const void *, int, void *); double cos(double);\n\
                  int answer(double x) { return ns_initparse(0, 0, 0) + cos(x); }\n";
    let mut library = compile(source, &["-shared", "-fno-builtin", "-lresolv", "-lm"]);
    assert_eq!(read(&library).unwrap().needed(), ["libresolv.so.2", "libm.so.6", "libc.so.6"]);
    assert!(faults(&library).is_empty());
    for of_processor in [0x7000_0001, 0x7000_0002] {
        let at = entry(&library, 1);
        set(&mut library, at, of_processor);
    }
    assert_eq!(read(&library).unwrap().needed(), ["libc.so.6"]);
    assert_fault!(library, LibraryError::UnlistedDependency { name }
        if ["libresolv.so.2", "libm.so.6"].contains(&&**name));
}

#[test]
fn versions_without_an_end_in_their_segment_are_refused() {
    let library = library(&[]);
    let [need, definition] = [VERNEED, VERDEF].map(|tag| value(&library, tag));
    // The offset of the next one, that of the first version, the name of that.
    let version = need + u64::from(words(&library, need + 8, 1)[0]);
    for (at, tag) in [
        (need + 12, VERNEED),
        (need + 8, VERNEED),
        (version + 12, VERNEED),
        (version + 8, VERNEED),
        (definition + 16, VERDEF),
        (definition + 12, VERDEF),
    ] {
        assert_eq!(malformed(&with_words(&library, at, &[0x7fff_ffff])), table(tag), "{at:#x}");
    }
    // No name lies there.
    let reason = malformed(&with_words(&library, need + 4, &[u32::MAX]));
    assert_eq!(reason, MalformedLibrary::Text { tag: DynamicTag(VERNEED as i64) });
}

/// Each record leads to the next byte.
#[test]
fn more_versions_than_there_are_numbers_for_are_refused() {
    let library = library(&[]);
    let need = value(&library, VERNEED);
    let mut endless = with_words(&library, need + 12, &[0x0101_0101]);
    endless[need as usize + 16..][..16].fill(1);
    let reason = malformed(&endless);
    assert_eq!(reason, table(VERNEED));
}

#[test]
fn a_symbol_of_a_version_that_there_is_not_is_refused() {
    let library = library(&[]);
    let versions = value(&library, VERSYM) as usize;
    for (number, is_good) in [(0_u16, true), (1, true), (0x8001, true), (0x7fff, false)] {
        let mut other = library.clone();
        other[versions + 2..versions + 4].copy_from_slice(&number.to_le_bytes());
        match is_good {
            true => assert!(faults(&other).is_empty()),
            false => assert_eq!(malformed(&other), table(VERSYM)),
        }
    }
}

/// The linker looks for each number in a list that it makes only for versions that have one. Tools
/// that remove `DT_VERNEED` leave the numbers.
#[test]
fn numbers_of_versions_without_the_versions_are_refused() {
    let library = library(&[]);
    let without = |library: &[u8], tags: &[u64]| {
        let mut library = library.to_vec();
        for (of_processor, &tag) in (0x7000_0001..).zip(tags) {
            let at = entry(&library, tag);
            set(&mut library, at, of_processor);
        }
        library
    };
    assert!(faults(&without(&library, &[VERDEF])).is_empty());
    assert_eq!(malformed(&without(&library, &[VERNEED])), table(VERSYM));
    assert_eq!(malformed(&without(&library, &[VERNEED, VERDEF])), table(VERSYM));
    let far = with_value(&library, VERSYM, FAR);
    assert_eq!(malformed(&without(&far, &[VERNEED, VERDEF])), table(VERSYM));
    assert!(faults(&without(&library, &[VERNEED, VERDEF, VERSYM])).is_empty());

    // The only version that it needs has no number, and no symbol has one.
    let need = value(&library, VERNEED);
    let version = (need + u64::from(words(&library, need + 8, 1)[0])) as usize;
    assert_eq!(words(&library, version as u64 + 12, 1), [0]);
    let mut unnumbered = without(&library, &[VERDEF]);
    unnumbered[version + 6..version + 8].fill(0);
    let numbers = value(&library, VERSYM) as usize;
    unnumbered[numbers..need.min(value(&library, VERDEF)) as usize].fill(0);
    assert_eq!(malformed(&unnumbered), table(VERSYM));
}
