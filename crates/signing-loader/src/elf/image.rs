use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use object::elf;
#[cfg(target_pointer_width = "32")]
use object::elf::{FileHeader32 as FileHeader, ProgramHeader32 as ProgramHeader};
#[cfg(target_pointer_width = "64")]
use object::elf::{FileHeader64 as FileHeader, ProgramHeader64 as ProgramHeader};
use object::pod::Pod;
use object::{NativeEndian, pod};

use super::Stack;
use super::error::{ElfType, LibraryError, LibraryTarget, MalformedLibrary};

/// Linkers write about a dozen.
const MAX_PROGRAM_HEADERS: u16 = 128;

/// How many bytes of a table are read at a time.
const PIECE: u64 = 1 << 16;

/// What this program was built for.
const TARGET: LibraryTarget = LibraryTarget {
    machine: MACHINE.0,
    class: if cfg!(target_pointer_width = "64") { elf::ELFCLASS64.0 } else { elf::ELFCLASS32.0 },
    encoding: if cfg!(target_endian = "big") { elf::ELFDATA2MSB.0 } else { elf::ELFDATA2LSB.0 },
};

/// `EM_NONE`, which is the machine of no library, where none is known.
const MACHINE: elf::Machine = if cfg!(target_arch = "x86_64") {
    elf::EM_X86_64
} else if cfg!(target_arch = "aarch64") {
    elf::EM_AARCH64
} else if cfg!(target_arch = "x86") {
    elf::EM_386
} else if cfg!(target_arch = "arm") {
    elf::EM_ARM
} else if cfg!(any(target_arch = "riscv64", target_arch = "riscv32")) {
    elf::EM_RISCV
} else if cfg!(target_arch = "powerpc64") {
    elf::EM_PPC64
} else if cfg!(target_arch = "s390x") {
    elf::EM_S390
} else if cfg!(target_arch = "loongarch64") {
    elf::EM_LOONGARCH
} else {
    elf::EM_NONE
};

/// A library's bytes by their addresses, as the dynamic linker maps them.
///
/// Only program headers count. Section headers may be missing or wrong: the linker reads
/// none of them.
pub(super) struct Image<'a> {
    file: &'a File,
    segments: Vec<Segment>,
    /// Address and size of the dynamic table.
    pub(super) dynamic: Option<Range>,
    pub(super) stack: Stack,
}

/// A `PT_LOAD` segment. Those of an image share no page, so each address has one meaning.
struct Segment {
    /// What of it is in the file.
    content: Range,
    offset: u64,
    flags: elf::ProgramFlags,
    /// What the linker maps for it.
    pages: Range,
}

/// A range of addresses.
#[derive(Clone, Copy)]
pub(super) struct Range {
    pub(super) address: u64,
    pub(super) size: u64,
}

impl Range {
    fn end(self) -> u64 {
        self.address.saturating_add(self.size)
    }
}

impl<'a> Image<'a> {
    pub(super) fn read(file: &'a File) -> Result<Self, LibraryError> {
        let size = file.metadata()?.len();
        let (table, headers) = program_headers(file, size)?;
        let mut image =
            Self { file, segments: Vec::new(), dynamic: None, stack: Stack::NotDeclared };
        let mut mapped_to = 0;
        let mut seen = Vec::new();
        let mut mapped_table = None;
        for (index, header) in headers.iter().enumerate() {
            let kind = header.p_type.get(NativeEndian);
            match kind {
                elf::PT_LOAD => {
                    let segment =
                        segment(header, size).ok_or(MalformedLibrary::Segment { index })?;
                    if segment.pages.address < mapped_to {
                        return Err(MalformedLibrary::SegmentOrder { index }.into());
                    }
                    mapped_to = segment.pages.address + segment.pages.size;
                    image.segments.push(segment);
                    continue;
                }
                elf::PT_DYNAMIC => {
                    let address = wide(header.p_vaddr.get(NativeEndian));
                    let size = wide(header.p_filesz.get(NativeEndian));
                    image.dynamic = Some(Range { address, size });
                }
                elf::PT_TLS | elf::PT_GNU_PROPERTY | elf::PT_GNU_RELRO => {}
                elf::PT_PHDR => mapped_table = Some(wide(header.p_vaddr.get(NativeEndian))),
                elf::PT_GNU_STACK => {
                    let flags = header.p_flags.get(NativeEndian);
                    image.stack = match has(flags, elf::PF_X) {
                        true => Stack::Executable,
                        false => Stack::NotExecutable,
                    };
                }
                _ => continue,
            }
            if seen.contains(&kind) {
                return Err(MalformedLibrary::RepeatedHeader { kind: kind.0 }.into());
            }
            seen.push(kind);
        }
        if let Some(index) = headers.iter().position(|header| !image.has_part(header)) {
            return Err(MalformedLibrary::Part { index }.into());
        }
        let dynamic = headers.iter().find(|it| it.p_type.get(NativeEndian) == elf::PT_DYNAMIC);
        image.require_offset(dynamic)?;
        // The linker reads the program headers again, where this one says that they are.
        let is_mapped =
            |address| image.offset_of(Range { address, ..table }, elf::PF_R) == Some(table.address);
        match mapped_table.is_none_or(is_mapped) {
            true => Ok(image),
            false => Err(MalformedLibrary::ProgramHeaders.into()),
        }
    }

    /// The linker goes by the address alone. Other programs go by the offset, so a file in
    /// which the two differ would show them another table. It writes in the table if the header
    /// has that right, whether or not the segment has it.
    fn require_offset(
        &self,
        dynamic: Option<&ProgramHeader<NativeEndian>>,
    ) -> Result<(), MalformedLibrary> {
        let (Some(header), Some(range)) = (dynamic, self.dynamic) else {
            return Err(MalformedLibrary::NoDynamicTable);
        };
        let rights = elf::PF_R | header.p_flags.get(NativeEndian) & elf::PF_W;
        match self.offset_of(range, rights) == Some(wide(header.p_offset.get(NativeEndian))) {
            true => Ok(()),
            false => Err(MalformedLibrary::DynamicTable),
        }
    }

    /// Whether the linker finds in a segment what else a program header describes.
    fn has_part(&self, header: &ProgramHeader<NativeEndian>) -> bool {
        let address = wide(header.p_vaddr.get(NativeEndian));
        let in_file = wide(header.p_filesz.get(NativeEndian));
        let in_memory = wide(header.p_memsz.get(NativeEndian));
        match header.p_type.get(NativeEndian) {
            elf::PT_TLS => {
                let is_found = in_file == 0 || self.has(Range { address, size: in_file });
                is_found && in_file <= in_memory
            }
            elf::PT_NOTE | elf::PT_GNU_PROPERTY => {
                in_memory == 0 || self.has(Range { address, size: in_memory })
            }
            elf::PT_GNU_RELRO => self.can_protect(Range { address, size: in_memory }),
            _ => true,
        }
    }

    /// Whether the linker, which makes these addresses read-only after it has written there,
    /// finds all of their pages in one segment that can be written.
    fn can_protect(&self, range: Range) -> bool {
        let page = rustix::param::page_size() as u64;
        let Some(end) = range.address.checked_add(range.size) else { return false };
        let (start, end) = (range.address - range.address % page, end - end % page);
        let mut writable = self.segments.iter().filter(|segment| has(segment.flags, elf::PF_W));
        start == end
            || writable.any(|Segment { pages, .. }| {
                pages.address <= start && end <= pages.address + pages.size
            })
    }

    /// Where in the file the linker finds these addresses, if it finds all of them in the
    /// file, in one segment with these rights.
    fn offset_of(&self, range: Range, rights: elf::ProgramFlags) -> Option<u64> {
        let mut segments = self.segments.iter().filter(|segment| has(segment.flags, rights));
        segments.find_map(|segment| {
            let into = range.address.checked_sub(segment.content.address)?;
            let end = into.checked_add(range.size)?;
            (end <= segment.content.size).then_some(segment.offset + into)
        })
    }

    /// Where in the file the linker reads `range`, if it finds all of it in one segment that can be
    /// read, and as it is in the file: it adds the library's address to entries of the dynamic table
    /// before it reads anything else.
    fn place(&self, range: Range) -> Option<u64> {
        let is_apart = self
            .dynamic
            .is_none_or(|table| table.end() <= range.address || range.end() <= table.address);
        self.offset_of(range, elf::PF_R).filter(|_| is_apart)
    }

    /// Whether [`bytes`](Self::bytes) are there.
    pub(super) fn has(&self, range: Range) -> bool {
        self.place(range).is_some()
    }

    /// The bytes at these addresses, if the linker reads them there. The caller has limited the
    /// size.
    pub(super) fn bytes(&self, range: Range) -> io::Result<Vec<u8>> {
        let offset = self.place(range).ok_or(io::ErrorKind::UnexpectedEof)?;
        bytes(self.file, offset, range.size)
    }

    /// How many [`bytes`](Self::bytes) are there from this address on.
    pub(super) fn rest_from(&self, address: u64) -> u64 {
        let mut segments = self.segments.iter().filter(|segment| has(segment.flags, elf::PF_R));
        let rest = segments.find_map(|segment| {
            let into = address.checked_sub(segment.content.address)?;
            segment.content.size.checked_sub(into)
        });
        let to_table = match self.dynamic {
            Some(table) if address < table.end() => table.address.saturating_sub(address),
            _ => u64::MAX,
        };
        rest.unwrap_or_default().min(to_table)
    }

    /// The bytes of the dynamic table. The caller has limited its size.
    pub(super) fn dynamic_table(&self) -> Result<Vec<u8>, LibraryError> {
        let range = self.dynamic.ok_or(MalformedLibrary::NoDynamicTable)?;
        let offset = self.offset_of(range, elf::PF_R).ok_or(MalformedLibrary::DynamicTable)?;
        Ok(bytes(self.file, offset, range.size)?)
    }

    /// Whether there is code at this address.
    pub(super) fn has_code_at(&self, address: u64) -> bool {
        self.offset_of(Range { address, size: 1 }, elf::PF_X).is_some()
    }

    /// What is at this address, if all of it is in one segment.
    pub(super) fn item<T: Pod>(&self, address: u64) -> io::Result<Option<T>> {
        match self.has(Range { address, size: size_of::<T>() as u64 }) {
            true => self.items(address, 1).next().transpose(),
            false => Ok(None),
        }
    }

    /// So many of them, one after the other. The caller has checked that they are there: an error
    /// otherwise.
    pub(super) fn items<T: Pod>(
        &self,
        address: u64,
        count: u64,
    ) -> impl Iterator<Item = io::Result<T>> {
        let each = size_of::<T>() as u64;
        let in_piece = PIECE / each;
        (0..count.div_ceil(in_piece)).flat_map(move |piece| {
            let first = piece * in_piece;
            let count = in_piece.min(count - first);
            let range = Range { address: address + first * each, size: count * each };
            match self.bytes(range) {
                Ok(bytes) => match pod::slice_from_bytes(&bytes, count as usize) {
                    Ok((items, _)) => items.iter().copied().map(Ok).collect(),
                    Err(()) => vec![Err(io::ErrorKind::UnexpectedEof.into())],
                },
                Err(error) => vec![Err(error)],
            }
        })
    }

    /// Whether the linker maps code of the file.
    pub(super) fn has_code(&self) -> bool {
        self.segments
            .iter()
            .any(|segment| has(segment.flags, elf::PF_X) && segment.content.size > 0)
    }

    pub(super) fn writable_code(&self) -> Vec<u64> {
        let segments = self.segments.iter();
        segments
            .filter(|segment| has(segment.flags, elf::PF_W) && has(segment.flags, elf::PF_X))
            .map(|segment| segment.content.address)
            .collect()
    }
}

/// The program headers, and where they are in the file.
fn program_headers(
    file: &File,
    size: u64,
) -> Result<(Range, Vec<ProgramHeader<NativeEndian>>), LibraryError> {
    let start = bytes(file, 0, size.min(size_of::<FileHeader<NativeEndian>>() as u64))?;
    if !start.starts_with(&elf::ELFMAG) {
        return Err(LibraryError::NotElf);
    }
    // These fields are where they are in every ELF file.
    let found = target(&start).ok_or(MalformedLibrary::Header)?;
    if found != TARGET {
        return Err(LibraryError::OtherTarget { found, expected: TARGET });
    }
    let (header, _) = pod::from_bytes::<FileHeader<NativeEndian>>(&start)
        .map_err(|()| MalformedLibrary::Header)?;
    let kind = header.e_type.get(NativeEndian);
    if kind != elf::ET_DYN {
        return Err(LibraryError::NotShared { found: ElfType::Other(kind.0) });
    }
    let count = header.e_phnum.get(NativeEndian);
    let each = size_of::<ProgramHeader<NativeEndian>>();
    let offset = wide(header.e_phoff.get(NativeEndian));
    let length = u64::from(count) * each as u64;
    let is_in_file = offset.checked_add(length).is_some_and(|end| end <= size);
    if usize::from(header.e_phentsize.get(NativeEndian)) != each
        || count > MAX_PROGRAM_HEADERS
        || !is_in_file
    {
        return Err(MalformedLibrary::ProgramHeaders.into());
    }
    let headers = bytes(file, offset, length)?;
    let (headers, _) = pod::slice_from_bytes(&headers, count.into())
        .map_err(|()| MalformedLibrary::ProgramHeaders)?;
    Ok((Range { address: offset, size: length }, headers.to_vec()))
}

fn target(start: &[u8]) -> Option<LibraryTarget> {
    let (class, encoding) = (*start.get(4)?, *start.get(5)?);
    let machine = [*start.get(18)?, *start.get(19)?];
    let machine = match elf::DataEncoding(encoding) {
        elf::ELFDATA2MSB => u16::from_be_bytes(machine),
        _ => u16::from_le_bytes(machine),
    };
    Some(LibraryTarget { machine, class, encoding })
}

/// `None` if part of the segment is not in the file, or if the linker would map other bytes than
/// those at its offset.
fn segment(header: &ProgramHeader<NativeEndian>, file_size: u64) -> Option<Segment> {
    let page = rustix::param::page_size() as u64;
    let offset = wide(header.p_offset.get(NativeEndian));
    let address = wide(header.p_vaddr.get(NativeEndian));
    let in_file = wide(header.p_filesz.get(NativeEndian));
    let in_memory = wide(header.p_memsz.get(NativeEndian));
    let is_in_file = offset.checked_add(in_file)? <= file_size;
    let is_whole = in_memory > 0 && in_file <= in_memory;
    if !is_in_file || !is_whole || address % page != offset % page {
        return None;
    }
    let start = address - address % page;
    let end = address.checked_add(in_memory)?.checked_next_multiple_of(page)?;
    // What the addresses of this process can reach.
    isize::try_from(end).ok()?;
    let content = Range { address, size: in_file };
    let pages = Range { address: start, size: end - start };
    Some(Segment { content, offset, flags: header.p_flags.get(NativeEndian), pages })
}

fn has(flags: elf::ProgramFlags, rights: elf::ProgramFlags) -> bool {
    flags & rights == rights
}

fn bytes(file: &File, offset: u64, size: u64) -> io::Result<Vec<u8>> {
    let size = usize::try_from(size).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut bytes = vec![0; size];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

/// A word of the target as 64 bits.
pub(super) fn wide(word: impl Into<u64>) -> u64 {
    word.into()
}

#[cfg(test)]
pub(super) mod tests;
