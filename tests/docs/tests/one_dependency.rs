//! A host that loads packages needs one crate of this repository, as its tutorial says.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

use std::fs;

use docs_tests::{Page, Site, cargo, repository};

const EXAMPLES: &str = "crates/signing-loader/examples";

fn tutorial() -> Page {
    let mut site = Site::read(&repository().join("docs/content")).unwrap();
    site.pages.remove("tutorials/first-runner.md").unwrap()
}

#[test]
fn the_pinned_host_compiles_with_what_the_tutorial_says_of_its_dependency() {
    let tutorial = tutorial();
    let mut manifests = tutorial.blocks.iter().filter(|block| block.language == "toml");
    let (manifest, more) = (manifests.next().unwrap(), manifests.next());
    assert!(more.is_none(), "the tutorial has several manifests");
    let loader = repository().join("crates/signing-loader");
    let published = "version = \"0.1\"";
    assert!(manifest.text.contains(published), "{}", manifest.text);
    let here = manifest.text.replace(published, &format!("path = {:?}", loader.to_str().unwrap()));

    let directory = tempfile::tempdir().unwrap();
    let host = |name: &str| directory.path().join(name);
    let package = "[package]\nname = \"host\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    fs::write(host("Cargo.toml"), format!("{package}\n[workspace]\n\n{here}")).unwrap();
    fs::copy(repository().join("Cargo.lock"), host("Cargo.lock")).unwrap();
    fs::create_dir(host("src")).unwrap();
    let example = repository().join(EXAMPLES).join("host_pinned.rs");
    fs::copy(example, host("src/main.rs")).unwrap();

    let checked = cargo()
        .args(["check", "--quiet", "--offline", "--target-dir"])
        // A directory of its own, which later runs find warm.
        .arg(repository().join("target/one-dependency"))
        .current_dir(directory.path())
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn the_hosts_name_no_other_crate_of_the_repository() {
    for host in ["host_pinned.rs", "host_store.rs", "my_runner.rs"] {
        let source = fs::read_to_string(repository().join(EXAMPLES).join(host)).unwrap();
        assert!(source.contains("signing_loader"), "{host}");
        for other in ["signing_crypto", "signing_trust", "signing_store"] {
            assert!(!source.contains(other), "{host} names {other}");
        }
    }
}
