//! What is loaded again takes nothing more of the process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use signing_crypto::SigningKey;
use signing_loader::{
    LoadedPackage, Offline, SignatureSource, Verifier, danger_load_unsigned, sign_package,
};
use tempfile::TempDir;

/// Makes of each claim a test in a process of its own, whose memory and descriptors nothing
/// else changes.
macro_rules! alone {
    ($($claim:ident),* $(,)?) => {$(
        mod $claim {
            use crate::support::{Canary, run_in_child};

            #[test]
            fn in_a_process_of_its_own() {
                let path = concat!(module_path!(), "::in_a_process_of_its_own");
                run_in_child(path, Canary::IsSilent, super::$claim);
            }
        }
    )*};
}

alone! {
    ten_thousand_loads_of_one_package_take_what_one_takes,
    directory_that_is_read_again_and_again_with_two_versions_takes_what_two_packages_take,
}

/// What a process has of packages: mapped regions, open descriptors of any kind, and the bytes
/// of the memory files among these.
#[derive(Debug, PartialEq, Eq)]
struct Taken {
    mappings: usize,
    descriptors: usize,
    memory_files: u64,
}

impl Taken {
    fn now() -> Self {
        let maps = fs::read("/proc/self/maps").unwrap();
        let maps = String::from_utf8_lossy(&maps);
        let mappings = maps.lines().filter(|line| line.contains("/memfd:")).count();
        let (mut descriptors, mut memory_files) = (0, 0);
        for descriptor in fs::read_dir("/proc/self/fd").unwrap() {
            descriptors += 1;
            let path = descriptor.unwrap().path();
            // The descriptor of this very directory is gone by then.
            let is_memory = fs::read_link(&path)
                .is_ok_and(|file| file.to_string_lossy().starts_with("/memfd:"));
            if is_memory {
                memory_files += fs::metadata(path).unwrap().len();
            }
        }
        Self { mappings, descriptors, memory_files }
    }
}

struct Plugins {
    directory: TempDir,
    key: SigningKey,
}

impl Plugins {
    fn new() -> Self {
        Self { directory: TempDir::new().unwrap(), key: SigningKey::generate().unwrap() }
    }

    /// A package in the directory that says this number, and its signature beside it.
    fn put(&self, number: u32) -> PathBuf {
        let (directory, path) = (self.directory.path(), self.path());
        let source = format!("int number(void) {{ return {number}; }}\n");
        fs::write(directory.join("plugin.c"), source).unwrap();
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "plugin.c", "-o", "plugin.so"])
            .current_dir(directory)
            .output()
            .unwrap_or_else(|error| panic!("this test needs the program 'cc': {error}"));
        assert!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
        path
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("plugin.so")
    }

    fn verifier(&self, path: &Path) -> Verifier<Offline> {
        let signature = SignatureSource::Memory(sign_package(path, &self.key).unwrap());
        Verifier::pinned(self.key.verifying_key()).signature(signature)
    }
}

fn ten_thousand_loads_of_one_package_take_what_one_takes() {
    let plugins = Plugins::new();
    let path = plugins.put(1);
    let verifier = plugins.verifier(&path);
    let load = || verifier.verify(&path).unwrap().load().unwrap();
    let before = Taken::now();

    let first: LoadedPackage = load();
    let one = Taken::now();
    assert!(one.mappings > before.mappings, "{before:?}, {one:?}");
    assert_eq!(one.descriptors, before.descriptors + 1);

    for count in 2..=10_000 {
        match count % 3 {
            0 => drop(danger_load_unsigned(&path).unwrap()),
            _ => drop(load()),
        }
        if [100, 1000, 10_000].contains(&count) {
            assert_eq!(Taken::now(), one, "after {count} loads");
        }
    }
    drop(first);

    // Other bytes do take something.
    let path = plugins.put(2);
    plugins.verifier(&path).verify(&path).unwrap().load().unwrap();
    let two = Taken::now();
    assert_eq!(two.descriptors, one.descriptors + 1);
    assert_eq!(two.mappings - one.mappings, one.mappings - before.mappings);
}

fn directory_that_is_read_again_and_again_with_two_versions_takes_what_two_packages_take() {
    let plugins = Plugins::new();
    let versions = [1, 2].map(|number| fs::read(plugins.put(number)).unwrap());
    assert_ne!(versions[0], versions[1]);
    let verifiers = [0, 1].map(|version| {
        fs::write(plugins.path(), &versions[version]).unwrap();
        plugins.verifier(&plugins.path())
    });
    let mut both = None;
    for round in 0..1000 {
        let version = round % 2;
        fs::write(plugins.path(), &versions[version]).unwrap();
        verifiers[version].verify(plugins.path()).unwrap().load().unwrap();
        if round == 1 {
            both = Some(Taken::now());
        }
    }
    assert_eq!(Some(Taken::now()), both);
}
