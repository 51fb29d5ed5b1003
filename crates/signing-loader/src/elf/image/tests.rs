use std::io::Write as _;

use object::U32;

use super::*;

/// An image of a file whose bytes begin at the address 0x1000.
pub(in crate::elf) fn readable(file: &File) -> Image<'_> {
    let segment = Range { address: 0x1000, size: file.metadata().unwrap().len() };
    Image {
        file,
        segments: vec![Segment { content: segment, offset: 0, flags: elf::PF_R, pages: segment }],
        dynamic: None,
        stack: Stack::NotDeclared,
    }
}

#[test]
fn what_can_be_read_ends_at_the_dynamic_table_and_goes_on_behind_it() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(0x2000).unwrap();
    let table = Some(Range { address: 0x2000, size: 0x100 });
    let image = Image { dynamic: table, ..readable(&file) };
    let rest = [0xfff, 0x1000, 0x1fff, 0x2000, 0x20ff, 0x2100, 0x2fff, 0x3000]
        .map(|address| image.rest_from(address));
    assert_eq!(rest, [0, 0x1000, 1, 0, 0, 0xf00, 1, 0]);
    let has = |address, size| image.has(Range { address, size });
    assert!(has(0x1000, 0x1000) && has(0x2100, 0xf00));
    assert!(!has(0x1fff, 2) && !has(0x20ff, 1) && !has(0x2fff, 2) && !has(0xfff, 1));
}

#[test]
fn items_of_several_pieces_are_read_in_their_order() {
    let count = 2 * PIECE as u32 / 4 + 3;
    let numbers: Vec<_> = (0..count).collect();
    let mut file = tempfile::tempfile().unwrap();
    let bytes: Vec<_> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
    file.write_all(&bytes).unwrap();
    let image = readable(&file);
    let items = image.items::<U32<NativeEndian>>(0x1000, count.into());
    let read: Vec<_> = items.map(|item| item.unwrap().get(NativeEndian)).collect();
    assert_eq!(read, numbers);
    let beyond = image.items::<U32<NativeEndian>>(0x1004, count.into()).last();
    assert!(beyond.unwrap().is_err());
}

#[test]
fn a_machine_is_read_in_the_order_of_the_files_own_bytes() {
    for (encoding, low, high) in [(elf::ELFDATA2LSB, 18, 19), (elf::ELFDATA2MSB, 19, 18)] {
        let mut start = [0; 64];
        (start[5], start[low], start[high]) = (encoding.0, 0x15, 0x01);
        let LibraryTarget { machine, encoding: found, .. } = target(&start).unwrap();
        assert_eq!((machine, found), (0x115, encoding.0));
    }
}
