//! Libraries for the tests of loading, by the C compiler.

use std::fs;
use std::io::{Seek, Write};
use std::path::Path;
use std::process::Command;

use crate::sealed::SealedPackage;

/// Compiles `source` in `directory` as the library `file`, with more arguments for `cc`.
pub(super) fn compile(directory: &Path, file: &str, source: &str, arguments: &[&str]) -> Vec<u8> {
    fs::write(directory.join("library.c"), source).unwrap();
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "library.c", "-o", file])
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap_or_else(|error| panic!("this test needs the program 'cc': {error}"));
    assert!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
    fs::read(directory.join(file)).unwrap()
}

pub(super) fn seal(bytes: &[u8]) -> SealedPackage {
    let mut source = tempfile::tempfile().unwrap();
    source.write_all(bytes).unwrap();
    source.rewind().unwrap();
    SealedPackage::copy(source, bytes.len() as u64, &"library.so".parse().unwrap()).unwrap()
}
