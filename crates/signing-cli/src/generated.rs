//! Files that the tests make, such as pages of the reference and pictures. They are compared with
//! the files that are kept, or written.

use std::path::Path;
use std::{env, fs};

/// Whether the files are written rather than compared.
pub(crate) fn is_written() -> bool {
    env::var_os("CLOACINA_WRITE").is_some()
}

/// Compares a file, whose path is from the crate's directory, with what was made.
pub(crate) fn assert_current(path: impl AsRef<Path>, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if is_written() {
        fs::write(&path, made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let same = kept.lines().zip(made.lines()).take_while(|(kept, made)| kept == made).count();
    let [expected, found] = [made, &kept].map(|text| text.lines().nth(same).unwrap_or_default());
    assert!(
        kept == made,
        "{}:{}: expected {expected:?}, found {found:?}; to write it: cargo xtask docs --write",
        path.display(),
        same + 1,
    );
}
