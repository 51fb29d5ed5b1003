use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where a process finds them that one of these tests has started.
pub(crate) const FIXTURES_VARIABLE: &str = "CLOACINA_TEST_FIXTURES";

/// A package that answers its input in upper case.
pub(crate) fn workflow() -> PathBuf {
    directory().join("libworkflow.so")
}

/// A package whose constructor writes the file that `CLOACINA_CANARY` names, and that
/// answers its input as it is.
pub(crate) fn hostile() -> PathBuf {
    directory().join("libhostile.so")
}

/// Where the built fixtures are. The first to ask builds them.
pub(crate) fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| match env::var_os(FIXTURES_VARIABLE) {
        Some(built) => built.into(),
        None => build(),
    })
}

/// Into a directory of its own, as the one that `cargo test` uses is locked while
/// somebody else builds there.
fn build() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let target = workspace.join("target/fixtures");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked"])
        .args(["--package", "fixture-workflow", "--package", "fixture-hostile"])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(workspace)
        // It would put them somewhere else.
        .env_remove("CARGO_BUILD_TARGET")
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    target.join("debug")
}
