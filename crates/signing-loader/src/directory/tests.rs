use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// `above/below/file` in a directory of its own.
fn file() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("above/below");
    fs::create_dir_all(&below).unwrap();
    let path = below.join("file");
    fs::write(&path, "").unwrap();
    (directory, path)
}

fn fault(refused: Result<(), DirectoryError>) -> Option<(PathBuf, DirectoryFault)> {
    match refused {
        Err(DirectoryError::Unsafe { path, source }) => Some((path, source)),
        Err(other) => panic!("{other:?}"),
        Ok(()) => None,
    }
}

#[test]
fn a_file_that_others_can_rename_anywhere_on_the_way_is_refused() {
    let (directory, path) = file();
    require_irreplaceable(&path).unwrap();
    for name in ["above", "above/below"] {
        let open = directory.path().join(name);
        for mode in [0o775, 0o757, 0o777] {
            set(&open, mode);
            let expected = (open.canonicalize().unwrap(), DirectoryFault::Writable { mode });
            assert_eq!(fault(require_irreplaceable(&path)), Some(expected));
        }
        set(&open, 0o1777);
        require_irreplaceable(&path).unwrap();
        set(&open, 0o755);
        require_irreplaceable(&path).unwrap();
    }
}

#[test]
fn a_private_directory_is_not_sticky() {
    let (directory, path) = file();
    let below = path.parent().unwrap();
    require_private(below).unwrap();
    set(below, 0o1777);
    assert!(fault(require_private(below)).is_some());
    set(below, 0o700);
    let above = directory.path().join("above");
    set(&above, 0o1777);
    require_private(below).unwrap();
    set(&above, 0o777);
    assert!(fault(require_private(below)).is_some());
}

#[test]
fn what_a_link_leads_to_is_looked_at_in_its_place() {
    let (directory, path) = file();
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("link");
    symlink(&path, &link).unwrap();
    require_irreplaceable(&link).unwrap();
    let around = path.parent().unwrap().join("../below/file");
    require_irreplaceable(&around).unwrap();
    set(&directory.path().join("above"), 0o777);
    assert!(fault(require_irreplaceable(&link)).is_some());
}

#[test]
fn links_that_do_not_end_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("link");
    symlink("link", &link).unwrap();
    let refused = require_irreplaceable(&link).unwrap_err();
    assert!(matches!(refused, DirectoryError::Unusable { .. }), "{refused:?}");
}

#[test]
fn a_file_is_no_directory_on_the_way() {
    let (_directory, path) = file();
    for refused in [
        require_irreplaceable(&path.join("file")),
        require_private(&path),
        require_irreplaceable(&path.with_file_name("missing")),
    ] {
        assert!(matches!(refused, Err(DirectoryError::Unusable { .. })), "{refused:?}");
    }
}

#[test]
fn the_command_that_is_named_mends_it() {
    let (directory, path) = file();
    set(&directory.path().join("above"), 0o777);
    let refused = require_irreplaceable(&path).unwrap_err();
    let remedy = refused.remedy().unwrap();
    let command = remedy.split_once("; then: ").unwrap().1;
    let mended = std::process::Command::new("sh").args(["-c", command]).status().unwrap();
    assert!(mended.success(), "{command}");
    require_irreplaceable(&path).unwrap();
}
