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
const STRING_TABLE: u64 = 5;

/// What a native package asks of the dynamic linker. A library without a fault is read once
/// more, by its addresses (System V ABI, chapters 4 and 5).
pub(crate) fn library(input: &[u8]) -> Verdict {
    let mut bytes = input.to_vec();
    if bytes.get(18..20) == Some(&SEEDED) {
        bytes[18..20].copy_from_slice(&NATIVE);
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    match inspect_library(file.path()).unwrap() {
        Some(library) if library.faults.is_empty() => {
            assert_eq!(library.needed, needed(&bytes), "another reading");
            assert!(library.needed.iter().all(|name| !name.is_empty() && !name.contains('/')));
            Verdict::Accepted
        }
        _ => Verdict::Refused,
    }
}

fn needed(bytes: &[u8]) -> Vec<String> {
    let (headers, size) = (number(bytes, 32, 8), number(bytes, 54, 2));
    let headers: Vec<_> = (0..number(bytes, 56, 2)).map(|index| headers + index * size).collect();
    let of_type = |wanted| headers.iter().filter(move |&&at| number(bytes, at, 4) == wanted);
    let in_file = |address: u64| {
        let mut places = of_type(LOAD).filter_map(|&at| {
            let [offset, start, size] = [8, 16, 32].map(|field| number(bytes, at + field, 8));
            Some(offset + address.checked_sub(start).filter(|&inside| inside < size)?)
        });
        places.next().expect("an address in a segment")
    };
    let table = in_file(number(bytes, *of_type(DYNAMIC).next().expect("a dynamic table") + 16, 8));
    let entries = (0..).map(|index| table + index * 16);
    let entries: Vec<_> = entries
        .map(|at| (number(bytes, at, 8), number(bytes, at + 8, 8)))
        .take_while(|(tag, _)| *tag != NULL)
        .collect();
    let strings = entries.iter().rfind(|(tag, _)| *tag == STRING_TABLE).expect("a string table").1;
    let names = entries.iter().filter(|(tag, _)| *tag == NEEDED).map(|(_, name)| {
        let text = &bytes[in_file(strings + name) as usize..];
        let end = text.iter().position(|&byte| byte == 0).expect("an end");
        String::from_utf8(text[..end].to_vec()).unwrap()
    });
    names.collect()
}

fn number(bytes: &[u8], at: u64, size: usize) -> u64 {
    let mut number = [0; 8];
    number[..size].copy_from_slice(&bytes[at as usize..][..size]);
    u64::from_le_bytes(number)
}
