//! Damage anywhere is refused, or read as the dynamic linker reads it.

use std::ops::Range;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;

use super::edit::{entry, field, library_with, program_header};
use super::*;

/// With each kind of hash table.
static LIBRARIES: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    ["-Wl,--hash-style=gnu", "-Wl,--hash-style=sysv"].map(|style| {
        let source = "int one, two, three;\nint answer(void) { return one + two + three; }\n\
                      __asm__(\".type two, %gnu_unique_object\");\n";
        library_with(source, &[style])
    })
});

/// Flips each bit of these bytes, one at a time. How many results are refused, and how many are read
/// as by the linker.
pub(super) fn flip_each_bit(
    library: &[u8],
    bytes: impl IntoIterator<Item = usize>,
) -> (usize, usize) {
    let (mut refused, mut accepted) = (0, 0);
    for at in bytes {
        for bit in 0..8 {
            let mut damaged = library.to_vec();
            damaged[at] ^= 1 << bit;
            match read(&damaged) {
                Ok(_) => accepted += 1,
                Err(_) => refused += 1,
            }
            is_refused_or_read_as_by_the_linker(&damaged);
        }
    }
    (refused, accepted)
}

/// The library is refused, or has the needs that the linker sees.
pub(super) fn is_refused_or_read_as_by_the_linker(library: &[u8]) {
    let Ok(read) = read(library) else { return };
    let view = linker::view(library).expect("what is accepted, the linker can read");
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(read.needed(), view.needed.iter().map(text).collect::<Vec<_>>());
    assert_eq!(read.soname().map(str::to_owned), view.soname.as_ref().map(text));
    let forbidden = read.dynamic.forbidden.iter();
    let search_paths = forbidden.filter(|(tag, _)| matches!(tag.0, 15 | 29)).count();
    assert_eq!(search_paths, view.search_paths);
    let versions_of = view.versions_of.iter().map(text);
    let unlisted = versions_of.into_iter().find(|name| !read.needed().contains(name));
    assert_eq!(read.dynamic.unlisted, unlisted);
    assert!(!view.has_unique || read.dynamic.unique_symbol.is_some());
}

/// From the hash table to the versions, as linkers put them.
fn tables(library: &[u8]) -> Range<usize> {
    let value = |tag| field(library, entry(library, tag) + 8) as usize;
    let hash = if library == LIBRARIES[0] { 0x6fff_fef5 } else { 4 };
    let (start, end) = (value(hash), value(7));
    assert!((100..2000).contains(&(end - start)), "{start:#x}, {end:#x}");
    start..end
}

#[test]
fn each_flipped_bit_of_the_tables_is_refused_or_read_as_by_the_linker() {
    let (mut refused, mut accepted) = (0, 0);
    for library in &*LIBRARIES {
        is_refused_or_read_as_by_the_linker(library);
        let counts = flip_each_bit(library, tables(library));
        (refused, accepted) = (refused + counts.0, accepted + counts.1);
    }
    assert!(refused > 1000 && accepted > 1000, "{refused} refused, {accepted} accepted");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_damage_is_refused_or_read_as_by_the_linker(
        library in 0..2_usize,
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..6),
        near in prop::bool::ANY,
    ) {
        let library = &LIBRARIES[library];
        let mut damaged = library.clone();
        // The parts that are read, and every part.
        let table = field(library, program_header(library, 2) + 8) as usize;
        let parts = [0..700, table..table + 500, tables(library)];
        let parts: Vec<usize> = match near {
            true => parts.into_iter().flatten().collect(),
            false => (0..damaged.len()).collect(),
        };
        for (index, byte) in changes {
            damaged[*index.get(&parts)] = byte;
        }
        is_refused_or_read_as_by_the_linker(&damaged);
    }
}
