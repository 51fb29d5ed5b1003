use std::io::Write;

use signing_loader::inspect_library;

use crate::Verdict;

/// The machine of the seeds, and that of this target: a library of another one is refused
/// before anything else is read.
const SEEDED: [u8; 2] = 62_u16.to_le_bytes();
const NATIVE: [u8; 2] = (if cfg!(target_arch = "aarch64") { 183_u16 } else { 62 }).to_le_bytes();

const LOAD: u64 = 1;
const DYNAMIC: u64 = 2;
const NULL: u64 = 0;
const NEEDED: u64 = 1;
const HASH: u64 = 4;
const STRING_TABLE: u64 = 5;
const SYMBOL_TABLE: u64 = 6;
const GNU_HASH: u64 = 0x6fff_fef5;
const VERSION_NEEDS: u64 = 0x6fff_fffe;
const UNIQUE: u64 = 10;

/// What a native package asks of the dynamic linker. A library without a fault is read once
/// more, by its addresses (System V ABI, chapters 4 and 5, and the GNU extensions to it).
pub(crate) fn library(input: &[u8]) -> Verdict {
    let mut bytes = input.to_vec();
    if bytes.get(18..20) == Some(&SEEDED) {
        bytes[18..20].copy_from_slice(&NATIVE);
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    match inspect_library(file.path()).unwrap() {
        Some(found) if found.faults.is_empty() => {
            let library = Library::of(&bytes);
            assert_eq!(found.needed, library.needed(), "another reading");
            assert!(found.needed.iter().all(|name| !name.is_empty() && !name.contains('/')));
            assert!(!library.bindings().contains(&UNIQUE), "an object of the whole process");
            for name in library.versioned() {
                assert!(found.needed.contains(&name), "the linker would not find {name}");
            }
            Verdict::Accepted
        }
        _ => Verdict::Refused,
    }
}

/// A library whose fields are where they should be, or the reading panics.
struct Library<'a> {
    bytes: &'a [u8],
    /// Offset, address and size.
    segments: Vec<[u64; 3]>,
    /// Tags and values of the dynamic table.
    entries: Vec<(u64, u64)>,
}

impl<'a> Library<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let (headers, size) = (number(bytes, 32, 8), number(bytes, 54, 2));
        let headers: Vec<_> = (0..number(bytes, 56, 2)).map(|it| headers + it * size).collect();
        let of_type = |wanted| headers.iter().filter(move |&&at| number(bytes, at, 4) == wanted);
        let segment = |&at: &u64| [8, 16, 32].map(|field| number(bytes, at + field, 8));
        let segments = of_type(LOAD).map(segment).collect();
        let mut library = Self { bytes, segments, entries: Vec::new() };
        let table = number(bytes, *of_type(DYNAMIC).next().expect("a dynamic table") + 16, 8);
        let entries = (0..).map(|index| table + index * 16);
        let entries = entries.map(|at| (library.number(at, 8), library.number(at + 8, 8)));
        library.entries = entries.take_while(|(tag, _)| *tag != NULL).collect();
        library
    }

    fn in_file(&self, address: u64) -> u64 {
        let mut places = self.segments.iter().filter_map(|[offset, start, size]| {
            Some(offset + address.checked_sub(*start).filter(|inside| inside < size)?)
        });
        places.next().expect("an address in a segment")
    }

    fn number(&self, address: u64, size: usize) -> u64 {
        number(self.bytes, self.in_file(address), size)
    }

    fn value(&self, wanted: u64) -> Option<u64> {
        self.entries.iter().rfind(|(tag, _)| *tag == wanted).map(|(_, value)| *value)
    }

    fn text(&self, name: u64) -> String {
        let strings = self.value(STRING_TABLE).expect("a string table");
        let text = &self.bytes[self.in_file(strings + name) as usize..];
        let end = text.iter().position(|&byte| byte == 0).expect("an end");
        String::from_utf8(text[..end].to_vec()).unwrap()
    }

    fn needed(&self) -> Vec<String> {
        let needed = self.entries.iter().filter(|(tag, _)| *tag == NEEDED);
        needed.map(|(_, name)| self.text(*name)).collect()
    }

    /// The libraries of which versions are needed.
    fn versioned(&self) -> Vec<String> {
        let (mut names, mut next) = (Vec::new(), self.value(VERSION_NEEDS));
        while let Some(at) = next {
            names.push(self.text(self.number(at + 4, 4)));
            next = Some(self.number(at + 12, 4)).filter(|&step| step != 0).map(|step| at + step);
        }
        names
    }

    /// Of the symbols that can be found.
    fn bindings(&self) -> Vec<u64> {
        let symbols = self.value(SYMBOL_TABLE).expect("a symbol table");
        let found = match (self.value(GNU_HASH), self.value(HASH)) {
            (Some(table), _) => self.found_by_gnu_hash(table),
            (None, Some(table)) => (0..self.number(table + 4, 4)).collect(),
            (None, None) => Vec::new(),
        };
        found.into_iter().map(|index| self.number(symbols + 24 * index + 4, 1) >> 4).collect()
    }

    fn found_by_gnu_hash(&self, table: u64) -> Vec<u64> {
        let [buckets, first, filters] = [0, 4, 8].map(|field| self.number(table + field, 4));
        let starts = table + 16 + 8 * filters;
        let mut found = Vec::new();
        for bucket in 0..buckets {
            let mut index = self.number(starts + 4 * bucket, 4);
            while index != 0 {
                found.push(index);
                let hash = self.number(starts + 4 * (buckets + index - first), 4);
                index = if hash & 1 == 1 { 0 } else { index + 1 };
            }
        }
        found
    }
}

fn number(bytes: &[u8], at: u64, size: usize) -> u64 {
    let mut number = [0; 8];
    number[..size].copy_from_slice(&bytes[at as usize..][..size]);
    u64::from_le_bytes(number)
}
