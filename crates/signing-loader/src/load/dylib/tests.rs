use std::io::Seek;
use std::process::Command;

use super::*;
use crate::directory::{DirectoryError, DirectoryFault};

/// A library of a few lines of C whose function `answer` gives `number`.
fn compile(number: i32) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("library.c");
    let library = directory.path().join("library.so");
    fs::write(&source, format!("int answer(void) {{ return {number}; }}\n")).unwrap();
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .output()
        .unwrap_or_else(|error| panic!("this test needs the program 'cc': {error}"));
    assert!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
    fs::read(library).unwrap()
}

/// A sealed copy of `bytes`, which `/proc` shows by `name`.
fn seal(bytes: &[u8], name: &str) -> SealedPackage {
    let mut source = tempfile::tempfile().unwrap();
    source.write_all(bytes).unwrap();
    source.rewind().unwrap();
    SealedPackage::copy(source, bytes.len() as u64, &name.parse().unwrap()).unwrap()
}

/// The sealed file that `/proc` shows by `name`, if one is open, opened once more.
fn open_descriptor(name: &str) -> Option<File> {
    let shown = format!("/memfd:{name} (deleted)");
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    descriptors
        // Other tests close theirs meanwhile.
        .filter(|path| fs::read_link(path).is_ok_and(|target| target == Path::new(&shown)))
        .find_map(|path| File::open(path).ok())
}

#[test]
fn two_packages_in_a_row_are_two_libraries() {
    let first = Library::load(seal(&compile(41), "first.so")).unwrap();
    assert_eq!(call(&first, c"answer"), 41);
    let second = Library::load(seal(&compile(42), "second.so")).unwrap();
    assert_eq!(call(&second, c"answer"), 42);
    assert_eq!(call(&first, c"answer"), 41);
}

#[test]
fn a_dropped_library_is_not_taken_for_the_next_one() {
    for number in 1..=3 {
        let library = Library::load(seal(&compile(number), "dropped.so")).unwrap();
        assert_eq!(call(&library, c"answer"), number);
    }
}

#[test]
fn the_descriptor_of_a_loaded_library_stays_open() {
    let sealed = seal(&compile(1), "stays-open.so");
    assert!(open_descriptor("stays-open.so").is_some());
    Library::load(sealed).unwrap();
    assert!(open_descriptor("stays-open.so").is_some());

    // A sealed package that is not loaded closes its own.
    drop(seal(b"never loaded", "closes.so"));
    assert!(open_descriptor("closes.so").is_none());
}

#[test]
fn a_loaded_file_is_mapped_and_another_is_not() {
    let loaded = Library::load(seal(&compile(1), "mapped.so")).unwrap();
    assert!(is_mapped(&open_descriptor("mapped.so").unwrap()).unwrap());
    assert_eq!(call(&loaded, c"answer"), 1);

    let sealed = seal(&compile(1), "not-mapped.so");
    assert!(!is_mapped(&open_descriptor("not-mapped.so").unwrap()).unwrap());

    // A host that maps the descriptor to read it does not make it look loaded.
    let size = sealed.content().size as usize;
    assert!(!while_mapped_to_read(sealed.file(), size, || is_mapped(sealed.file()).unwrap()));
}

#[test]
fn what_is_no_library_is_refused_by_the_linker() {
    let library = compile(1);
    for bytes in [&b"this is no library"[..], &library[..64], &[0; 4096]] {
        let error = Library::load(seal(bytes, "no-library.so")).unwrap_err();
        assert!(matches!(error, LoadError::Linker(_)), "{error}");
    }
    assert!(open_descriptor("no-library.so").is_none());
    assert_eq!(call(&Library::load(seal(&library, "library.so")).unwrap(), c"answer"), 1);
}

#[test]
fn another_link_than_to_the_file_itself_is_told_apart() {
    let [one, other] = [(); 2].map(|()| tempfile::tempfile().unwrap());
    let link = PathBuf::from(format!("/proc/self/fd/{}", one.as_raw_fd()));
    assert!(is_link_to(&link, &one));
    assert!(!is_link_to(&link, &other));
    assert!(!is_link_to(Path::new("/proc/self/fd/none"), &one));
}

/// The path for systems without `/proc`.
fn load_private_copy(bytes: &[u8], claimed: &[u8]) -> Result<Library, LoadError> {
    load_private_copy_in(&env::temp_dir(), bytes, claimed)
}

fn load_private_copy_in(
    directory: &Path,
    bytes: &[u8],
    claimed: &[u8],
) -> Result<Library, LoadError> {
    let digest = PackageDigest::of_reader(claimed).unwrap().digest;
    Library::load_private_copy(seal(bytes, "copied.so").file(), digest, directory)
}

#[test]
fn a_private_copy_is_loaded_if_it_is_what_was_verified() {
    let library = compile(43);
    assert_eq!(call(&load_private_copy(&library, &library).unwrap(), c"answer"), 43);

    let error = load_private_copy(&library, b"another package").unwrap_err();
    assert!(matches!(error, LoadError::AnotherLibrary), "{error}");
    let error = load_private_copy(b"no library", b"no library").unwrap_err();
    assert!(matches!(error, LoadError::Linker(_)), "{error}");
}

#[test]
fn two_private_copies_are_two_libraries() {
    let [first, second] = [44, 45].map(|number| {
        let library = compile(number);
        load_private_copy(&library, &library).unwrap()
    });
    assert_eq!((call(&first, c"answer"), call(&second, c"answer")), (44, 45));
}

/// The tests above once more, in a process whose temporary directory is watched.
#[test]
fn private_copies_leave_nothing_in_the_temporary_directory() {
    let watched = tempfile::tempdir().unwrap();
    let tests = [
        "a_private_copy_is_loaded_if_it_is_what_was_verified",
        "two_private_copies_are_two_libraries",
    ];
    let output = Command::new(env::current_exe().unwrap())
        .env("TMPDIR", watched.path())
        .args(["--exact", "--test-threads=1"])
        .args(tests.map(|test| format!("load::dylib::tests::{test}")))
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && shown.contains("2 passed"), "{shown}");
    assert_eq!(fs::read_dir(watched.path()).unwrap().count(), 0);

    // It was the one that they used: with none they do not get far.
    let missing = watched.path().join("missing");
    let output = Command::new(env::current_exe().unwrap())
        .env("TMPDIR", &missing)
        .args(["--exact", &format!("load::dylib::tests::{}", tests[0])])
        .output()
        .unwrap();
    assert!(!output.status.success());
}

/// A user who can rename the directory of the copy could have the linker take another one.
#[test]
fn no_copy_is_made_where_others_could_replace_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let library = compile(45);
    let load_with_mode = |mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        load_private_copy_in(path, &library, &library)
    };
    for mode in [0o777, 0o770, 0o720] {
        let error = load_with_mode(mode).unwrap_err();
        assert!(
            matches!(
                &error,
                LoadError::TemporaryDirectory(DirectoryError::Unsafe {
                    path: found,
                    source: DirectoryFault::Writable { mode: its }
                }) if (found.as_path(), *its) == (path, mode)
            ),
            "{error:?}"
        );
        assert_eq!(fs::read_dir(path).unwrap().count(), 0);
    }
    for mode in [0o1777, 0o755, 0o700] {
        assert_eq!(call(&load_with_mode(mode).unwrap(), c"answer"), 45);
    }
}
