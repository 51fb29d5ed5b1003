// What other linkers match are the names of files.
#![cfg(target_env = "gnu")]

mod asked_linker;
mod trusted;

use std::fs;
use std::path::Path;
use std::ptr;

use signing_crypto::SigningKey;

use super::*;
use crate::load::dylib::call;
use crate::load::test_library::{self, seal};
use crate::sign::sign_package;
use crate::source::SignatureSource;
use crate::verifier::Verifier;

fn compile(directory: &Path, file: &str, source: &str, arguments: &[&str]) -> SealedPackage {
    seal(&test_library::compile(directory, file, source, arguments))
}

/// A library with this SONAME that answers `number`.
fn provider(directory: &Path, soname: &str, number: i32) -> SealedPackage {
    let source = format!("int answer(void) {{ return {number}; }}\n");
    compile(directory, soname, &source, &[&format!("-Wl,-soname,{soname}")])
}

/// A library that needs the SONAME of the provider that was compiled last, and hands on what
/// that answers.
fn dependent(directory: &Path, soname: &str) -> SealedPackage {
    let source = "int answer(void);\nint ask(void) { return answer(); }\n";
    compile(directory, "dependent.so", source, &["-L.", &format!("-l:{soname}")])
}

fn load_it(sealed: SealedPackage) -> Result<&'static Library, LoadError> {
    load_with(sealed, &AllowedDependencies::new())
}

/// By a verifier that trusts every package.
fn load_with(
    sealed: SealedPackage,
    allowed: &AllowedDependencies,
) -> Result<&'static Library, LoadError> {
    let library = SharedLibrary::read(sealed.file())?;
    let trusted = trusted(candidates(&library, allowed));
    let report = report("library.so", &SigningKey::generate().unwrap());
    load(sealed, &library, &report, allowed, &trusted)
}

fn trusted(candidates: Vec<Candidates>) -> TrustedProviders {
    let mut trusted = TrustedProviders::none();
    candidates.into_iter().flat_map(|found| found.0).for_each(|found| trusted.add(found));
    trusted
}

fn report(name: &str, key: &SigningKey) -> VerificationReport {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, "a package").unwrap();
    let signature = SignatureSource::Memory(sign_package(&path, key).unwrap());
    Verifier::pinned(key.verifying_key()).signature(signature).check(&path).unwrap()
}

fn refusal(loaded: Result<&'static Library, LoadError>) -> LibraryError {
    match loaded {
        Err(LoadError::Library(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_package_may_need_a_verified_package_that_was_loaded_before() {
    let directory = tempfile::tempdir().unwrap();
    let soname = "libbefore.so.1";
    let provider = provider(directory.path(), soname, 11);
    let refused = refusal(load_it(dependent(directory.path(), soname)));
    assert!(
        matches!(&refused, LibraryError::DependencyNotAllowed { name } if name.as_str() == soname),
        "{refused:?}"
    );
    load_it(provider).unwrap();
    let loaded = load_it(dependent(directory.path(), soname)).unwrap();
    assert_eq!(call(loaded, c"ask"), 11);
}

/// glibc gives the dependent library the one that was loaded first, whichever it was linked
/// against. Each of the two itself is what was asked for.
#[test]
fn a_soname_of_two_packages_satisfies_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let soname = "libtwice.so.1";
    let first = load_it(provider(directory.path(), soname, 21)).unwrap();
    let answers_first = load_it(dependent(directory.path(), soname)).unwrap();
    let second = load_it(provider(directory.path(), soname, 22)).unwrap();
    assert_eq!((call(first, c"answer"), call(second, c"answer")), (21, 22));
    assert_eq!(call(answers_first, c"ask"), 21);

    let refused = refusal(load_it(dependent(directory.path(), soname)));
    assert!(
        matches!(&refused, LibraryError::AmbiguousDependency { name } if name.as_str() == soname),
        "{refused:?}"
    );
    // What the linker would have taken: the first, although it is linked against the second.
    let taken = Library::load(dependent(directory.path(), soname)).unwrap();
    assert_eq!(call(&taken, c"ask"), 21);
}

#[test]
fn equal_bytes_are_one_package() {
    let directory = tempfile::tempdir().unwrap();
    let soname = "libequal.so.1";
    for _ in 0..2 {
        load_it(provider(directory.path(), soname, 31)).unwrap();
    }
    let loaded = load_it(dependent(directory.path(), soname)).unwrap();
    assert_eq!(call(loaded, c"ask"), 31);
}

#[test]
fn bytes_that_are_loaded_already_are_checked_by_each_verifier() {
    let directory = tempfile::tempdir().unwrap();
    let soname = "libsystem.so.1";
    compile(directory.path(), soname, "int answer(void) { return 51; }\n", &[]);
    let rpath = format!("-Wl,-rpath,{}", directory.path().display());
    let needs = |arguments: &[&str]| {
        let source = "int answer(void);\nint ask(void) { return answer(); }\n";
        let needed = format!("-l:{soname}");
        let arguments = [&["-L.", "-Wl,--disable-new-dtags", &needed], arguments].concat();
        compile(directory.path(), "needs.so", source, &arguments)
    };

    // Without verification the linker decides alone, and it is loaded.
    let unsigned = shared::load(needs(&[&rpath])).unwrap();
    assert_eq!(call(unsigned, c"ask"), 51);
    let refused = refusal(load_it(needs(&[&rpath])));
    assert!(matches!(&refused, LibraryError::ForbiddenTag { .. }), "{refused:?}");

    // One verifier allows what another does not.
    let mut allowed = AllowedDependencies::new();
    allowed.insert(soname.parse().unwrap());
    let loaded = load_with(needs(&[]), &allowed).unwrap();
    assert_eq!(call(loaded, c"ask"), 51);
    let refused = refusal(load_it(needs(&[])));
    assert!(matches!(&refused, LibraryError::DependencyNotAllowed { .. }), "{refused:?}");
    assert!(ptr::eq(load_with(needs(&[]), &allowed).unwrap(), loaded));
}

#[test]
fn a_package_that_was_loaded_without_verification_is_a_dependency_once_it_is_verified() {
    let directory = tempfile::tempdir().unwrap();
    let soname = "liblater.so.1";
    let unsigned = shared::load(provider(directory.path(), soname, 61)).unwrap();
    let refused = refusal(load_it(dependent(directory.path(), soname)));
    assert!(matches!(refused, LibraryError::DependencyNotAllowed { .. }), "{refused:?}");

    let verified = load_it(provider(directory.path(), soname, 61)).unwrap();
    assert!(ptr::eq(unsigned, verified));
    let loaded = load_it(dependent(directory.path(), soname)).unwrap();
    assert_eq!(call(loaded, c"ask"), 61);
}

#[test]
fn a_package_that_did_not_load_provides_nothing_and_is_in_nobodys_way() {
    let directory = tempfile::tempdir().unwrap();
    let soname = "libfails.so.1";
    let source = "int missing(void);\nint answer(void) { return missing(); }\n";
    let fails = compile(directory.path(), soname, source, &[&format!("-Wl,-soname,{soname}")]);
    let error = load_it(fails).unwrap_err();
    assert!(matches!(error, LoadError::Linker(_)), "{error:?}");
    let provider = provider(directory.path(), soname, 41);
    let refused = refusal(load_it(dependent(directory.path(), soname)));
    assert!(matches!(refused, LibraryError::DependencyNotAllowed { .. }), "{refused:?}");
    load_it(provider).unwrap();
    let loaded = load_it(dependent(directory.path(), soname)).unwrap();
    assert_eq!(call(loaded, c"ask"), 41);
}

/// While a package is loaded, its name counts for no other, and against any other.
#[test]
fn a_package_that_is_being_loaded_is_not_a_dependency_yet() {
    let digest = |text: &str| PackageDigest::of_reader(text.as_bytes()).unwrap().digest;
    let library = load_it(provider(tempfile::tempdir().unwrap().path(), "libid.so", 1)).unwrap();
    let name: DependencyName = "libloading.so".parse().unwrap();
    let found = Found { names: [(name.clone(), library.id())].into(), packages: Vec::new() };
    let mut sonames = Sonames::new();
    let package = PackageName::new(name.as_str()).unwrap();
    let one = Provider { name: name.clone(), package, digest: digest("one"), reports: Vec::new() };
    let trusted = &TrustedProviders(vec![one]);
    let used =
        |sonames: &Sonames, name| Compared { found: &found, sonames, trusted }.soname_use(name);
    sonames.holder(&name, digest("one")).loading += 1;
    assert_eq!(used(&sonames, &name), SonameUse::Unused);
    assert!(Compared { found: &found, sonames: &sonames, trusted }.is_package(&name));
    sonames.holder(&name, digest("one")).loaded = Some(library.id());
    assert_eq!(used(&sonames, &name), SonameUse::OnePackage);
    assert!(!Compared { found: &found, sonames: &sonames, trusted }.is_package(&name));
    sonames.holder(&name, digest("other")).loading += 1;
    assert_eq!(used(&sonames, &name), SonameUse::SeveralPackages);
    assert_eq!(used(&sonames, &"libother.so".parse().unwrap()), SonameUse::Unused);
}

/// A refused library is not handed to the linker at all.
#[test]
fn nothing_that_a_refused_package_needs_is_run() {
    let directory = tempfile::tempdir().unwrap();
    let marker = directory.path().join("marker");
    let hostile = format!(
        "#include <stdio.h>\n\
         __attribute__((constructor)) static void start(void) {{ fclose(fopen({marker:?}, \"w\")); }}\n\
         int answer(void) {{ return 1; }}\n"
    );
    compile(directory.path(), "libhelp.so", &hostile, &[]);
    let path = directory.path().join("libhelp.so");
    let source = "int answer(void);\nint ask(void) { return answer(); }\n";
    let needs = || compile(directory.path(), "needs.so", source, &[path.to_str().unwrap()]);

    let refused = refusal(load_it(needs()));
    assert!(matches!(refused, LibraryError::InvalidDependency { .. }), "{refused:?}");
    assert!(!marker.exists());
    // The linker would have run it.
    Library::load(needs()).unwrap();
    assert!(marker.exists());
}
