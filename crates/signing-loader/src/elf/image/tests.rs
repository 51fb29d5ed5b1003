use super::*;

/// Addresses 0x1000 to 0x3000, all of them in the file, with a dynamic table from 0x2000 to 0x2100.
fn image(file: &File) -> Image<'_> {
    let segment = Range { address: 0x1000, size: 0x2000 };
    Image {
        file,
        segments: vec![Segment { content: segment, offset: 0, flags: elf::PF_R, pages: segment }],
        dynamic: Some(Range { address: 0x2000, size: 0x100 }),
        stack: Stack::NotDeclared,
    }
}

#[test]
fn what_can_be_read_ends_at_the_dynamic_table_and_goes_on_behind_it() {
    let file = File::open("/dev/null").unwrap();
    let image = image(&file);
    let rest = [0xfff, 0x1000, 0x1fff, 0x2000, 0x20ff, 0x2100, 0x2fff, 0x3000]
        .map(|address| image.rest_from(address));
    assert_eq!(rest, [0, 0x1000, 1, 0, 0, 0xf00, 1, 0]);
    let has = |address, size| image.has(Range { address, size });
    assert!(has(0x1000, 0x1000) && has(0x2100, 0xf00));
    assert!(!has(0x1fff, 2) && !has(0x20ff, 1) && !has(0x2fff, 2) && !has(0xfff, 1));
}
