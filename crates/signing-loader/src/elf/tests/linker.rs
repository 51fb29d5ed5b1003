//! What the dynamic linker makes of a library: by a model of glibc's own reading, and by
//! the linker of this machine. Neither shares code with what is tested.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

const PAGE: u64 = 4096;
/// Where the library is mapped.
const BASE: u64 = 0x7f5c_3a41_b000;
/// `DT_PLTGOT`, `DT_HASH`, `DT_STRTAB`, `DT_SYMTAB`, `DT_RELA`, `DT_REL`, `DT_JMPREL`,
/// `DT_GNU_HASH`, `DT_VERSYM`.
const ADDRESSES: [u64; 9] = [3, 4, 5, 6, 7, 17, 23, 0x6fff_fef5, 0x6fff_fff0];

/// What glibc reads of a library's dynamic table.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    pub(super) needed: Vec<Vec<u8>>,
    pub(super) soname: Option<Vec<u8>>,
    pub(super) search_paths: usize,
    /// The libraries in which it looks for versions, and ends the process if it has not loaded them.
    pub(super) versions_of: Vec<Vec<u8>>,
    /// Whether a lookup finds a symbol that it makes one for the whole process.
    pub(super) has_unique: bool,
}

fn word(bytes: &[u8], at: u64, size: usize) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    let mut word = [0; 8];
    word[..size].copy_from_slice(bytes.get(at..at.checked_add(size)?)?);
    Some(u64::from_le_bytes(word))
}

/// Memory after the segments were mapped, each over those before.
struct Memory<'a> {
    library: &'a [u8],
    /// Offset, address, size in the file, size in memory.
    segments: Vec<[u64; 4]>,
    /// What the linker has written: address and word.
    written: Vec<(u64, u64)>,
}

impl Memory<'_> {
    fn byte(&self, address: u64) -> Option<u8> {
        let written = self.written.iter().find_map(|&(at, word)| {
            let index = address.checked_sub(at)?;
            word.to_le_bytes().get(usize::try_from(index).ok()?).copied()
        });
        if written.is_some() {
            return written;
        }
        let (address, page) = (u128::from(address), u128::from(PAGE));
        self.segments.iter().rev().find_map(|segment| {
            let [offset, start, in_file, in_memory] = segment.map(u128::from);
            let (file_end, end) = (start + in_file, start + in_memory);
            if in_memory > in_file && (file_end..end.next_multiple_of(page)).contains(&address) {
                return Some(0);
            }
            let first = start - start % page;
            let is_mapped = (first..file_end.next_multiple_of(page)).contains(&address);
            let at = is_mapped.then(|| offset - offset % page + (address - first))?;
            // Behind the end of the file, a page is filled with zeros.
            Some(usize::try_from(at).ok().and_then(|at| self.library.get(at)).copied().unwrap_or(0))
        })
    }

    fn word(&self, address: u64) -> Option<u64> {
        let bytes = (0..8).map(|index| self.byte(address.checked_add(index)?));
        bytes.rev().try_fold(0, |word, byte| Some(word << 8 | u64::from(byte?)))
    }

    fn half(&self, address: u64) -> Option<u64> {
        self.word(address).map(|word| word & 0xffff_ffff)
    }

    fn text(&self, address: u64) -> Option<Vec<u8>> {
        let bytes = (0..).map(|index| self.byte(address.checked_add(index)?));
        bytes.take_while(|&byte| byte != Some(0)).collect()
    }
}

/// Maps the segments in their order, and walks the table of the last `PT_DYNAMIC` to its end.
/// `None` if the linker would fail or crash.
pub(super) fn view(library: &[u8]) -> Option<View> {
    let (headers, count) = (word(library, 32, 8)?, word(library, 56, 2)?);
    let mut memory = Memory { library, segments: Vec::new(), written: Vec::new() };
    let mut table = None;
    for index in 0..count {
        let at = headers.checked_add(56 * index)?;
        let field = |offset, size| word(library, at.checked_add(offset)?, size);
        let [kind, offset, address] = [field(0, 4)?, field(8, 8)?, field(16, 8)?];
        let (in_file, in_memory) = (field(32, 8)?, field(40, 8)?);
        match kind {
            1 => memory.segments.push([offset, address, in_file, in_memory]),
            2 if in_file > 0 => table = Some(address),
            _ => {}
        }
    }
    let mut entries = Vec::new();
    let mut at = table?;
    loop {
        match (memory.word(at)?, memory.word(at.checked_add(8)?)?) {
            (0, _) => break,
            entry => entries.push((entry, at)),
        }
        at = at.checked_add(16)?;
    }
    // Of the entries that are addresses, the linker makes addresses of this process, before it
    // reads names.
    for ((tag, value), at) in &entries {
        if ADDRESSES.contains(tag) {
            memory.written.push((at.checked_add(8)?, value.wrapping_add(BASE)));
        }
    }
    let entries: Vec<_> = entries.into_iter().map(|(entry, _)| entry).collect();
    let last = |tag| entries.iter().rev().find(|entry| entry.0 == tag).map(|entry| entry.1);
    let strings = last(5)?;
    let text = |offset: u64| memory.text(strings.checked_add(offset)?);
    let needed = entries.iter().filter(|entry| entry.0 == 1).map(|entry| text(entry.1));
    Some(View {
        needed: needed.collect::<Option<_>>()?,
        soname: match last(14) {
            Some(offset) => Some(text(offset)?),
            None => None,
        },
        search_paths: entries.iter().filter(|entry| matches!(entry.0, 15 | 29)).count(),
        versions_of: match last(0x6fff_fffe) {
            Some(start) => versions_of(&memory, start, text)?,
            None => Vec::new(),
        },
        has_unique: has_unique(&memory, &last, text)?,
    })
}

/// dl-version.c, `_dl_check_map_versions`.
fn versions_of(
    memory: &Memory<'_>,
    mut at: u64,
    text: impl Fn(u64) -> Option<Vec<u8>>,
) -> Option<Vec<Vec<u8>>> {
    let mut libraries = Vec::new();
    loop {
        libraries.push(text(memory.half(at + 4)?)?);
        let mut version = at.checked_add(memory.half(at + 8)?)?;
        loop {
            text(memory.half(version + 8)?)?;
            match memory.half(version + 12)? {
                0 => break,
                next => version += next,
            }
        }
        match memory.half(at + 12)? {
            0 => return Some(libraries),
            next => at += next,
        }
    }
}

/// dl-lookup.c, `do_lookup_x`, for every name that could be looked for.
fn has_unique(
    memory: &Memory<'_>,
    last: &impl Fn(u64) -> Option<u64>,
    text: impl Fn(u64) -> Option<Vec<u8>>,
) -> Option<bool> {
    let symbols = last(6)?;
    let mut has_unique = false;
    let mut look_at = |index: u64| {
        let at = symbols.checked_add(24 * index)?;
        text(memory.half(at)?)?;
        let [info, section] = [4, 6].map(|field| memory.half(at + field));
        let is_defined = section? & 0xffff != 0 || memory.word(at + 8)? != 0;
        has_unique |= info? >> 4 & 0xf == 10 && is_defined;
        Some(())
    };
    match (last(0x6fff_fef5), last(4)) {
        (Some(table), _) => {
            let [buckets, first, filters] = [0, 4, 8].map(|field| memory.half(table + field));
            assert!(filters?.is_power_of_two(), "an assertion of the linker");
            let starts = table + 16 + 8 * filters?;
            let chains = (starts + 4 * buckets?).wrapping_sub(4 * first?);
            for bucket in 0..buckets? {
                let mut index = memory.half(starts + 4 * bucket)?;
                while index != 0 {
                    look_at(index)?;
                    let is_last = memory.half(chains.wrapping_add(4 * index))? & 1 == 1;
                    index = if is_last { 0 } else { index + 1 };
                }
            }
        }
        (None, Some(table)) => {
            let (buckets, count) = (memory.half(table)?, memory.half(table + 4)?);
            for bucket in 0..buckets {
                let (mut index, mut steps) = (memory.half(table + 8 + 4 * bucket)?, 0);
                while index != 0 {
                    look_at(index)?;
                    steps += 1;
                    assert!(steps <= count, "the linker would not end");
                    index = memory.half(table + 8 + 4 * (buckets + index))?;
                }
            }
        }
        (None, None) => {}
    }
    Some(has_unique)
}

/// What this machine's linker looks for on behalf of the library itself. It runs none of its
/// code, and may crash.
pub(super) fn asked_for(library: &[u8], directory: &Path) -> BTreeSet<String> {
    let path = directory.join("library.so");
    fs::write(&path, library).unwrap();
    let output = Command::new("/lib64/ld-linux-x86-64.so.2")
        .arg(&path)
        .env("LD_TRACE_LOADED_OBJECTS", "1")
        .env("LD_DEBUG", "files")
        .current_dir(directory)
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stderr);
    let by_library = format!("needed by {}", path.display());
    // A damaged name depends on where the library is mapped, and may hold the end of a line.
    let mut before: Vec<_> = shown.split(&by_library).collect();
    before.pop();
    let name = |text: &str| Some(text.rsplit_once("file=")?.1.split_once(" [")?.0.to_owned());
    before.into_iter().filter_map(name).collect()
}
