//! A package provides only what the verifier of the package that needs it trusts.

use super::*;

#[test]
fn a_package_that_is_loaded_provides_nothing_to_a_verifier_that_does_not_trust_it() {
    let directory = tempfile::tempdir().unwrap();
    let soname = "libtrusted.so.1";
    load_it(provider(directory.path(), soname, 71)).unwrap();
    let (allowed, key) = (AllowedDependencies::new(), SigningKey::generate().unwrap());
    let report = report("needs.so", &key);
    let read = |sealed: &SealedPackage| SharedLibrary::read(sealed.file()).unwrap();
    let load_trusting = |trusted| {
        let sealed = dependent(directory.path(), soname);
        let library = read(&sealed);
        load(sealed, &library, &report, &allowed, &trusted)
    };
    let refused = refusal(load_trusting(TrustedProviders::none()));
    assert!(matches!(refused, LibraryError::DependencyNotAllowed { .. }), "{refused:?}");
    let trusted = trusted(candidates(&read(&dependent(directory.path(), soname)), &allowed));
    assert_eq!(call(load_trusting(trusted).unwrap(), c"ask"), 71);
}

#[test]
fn the_providers_of_a_package_are_what_it_needs_and_what_these_need() {
    let directory = tempfile::tempdir().unwrap();
    let [below, between] = ["libbelow.so.1", "libbetween.so.1"];
    load_it(provider(directory.path(), below, 81)).unwrap();
    let source = "int answer(void);\nint ask(void) { return answer(); }\n";
    let options = ["-L.", &format!("-l:{below}"), &format!("-Wl,-soname,{between}")];
    load_it(compile(directory.path(), between, source, &options)).unwrap();
    let source = "int ask(void);\nint run(void) { return ask(); }\n";
    let options = ["-L.", &format!("-l:{between}"), "-Wl,-rpath-link,."];
    let package = compile(directory.path(), "above.so", source, &options);

    let library = SharedLibrary::read(package.file()).unwrap();
    let names = |allowed: &AllowedDependencies| -> Vec<_> {
        let candidates = candidates(&library, allowed).into_iter().flat_map(|found| found.0);
        candidates.flatten().map(|provider| provider.name).collect()
    };
    let both = [between, below].map(|name| name.parse().unwrap());
    assert_eq!(names(&AllowedDependencies::new()), both);
    // A second package with the SONAME changes nothing of what the first dependent has got.
    load_it(provider(directory.path(), below, 82)).unwrap();
    assert_eq!(names(&AllowedDependencies::new()), both);
    // Then a library of the system is meant, of which no package decides.
    assert_eq!(names(&[between.parse().unwrap()].into()), []);
}

#[test]
fn a_verification_replaces_an_earlier_one_by_the_same_signers_under_the_same_name() {
    let [one, other] = [(); 2].map(|()| SigningKey::generate().unwrap());
    let mut sonames = Sonames::new();
    let digest = PackageDigest::of_reader(&b"package"[..]).unwrap().digest;
    let holder = sonames.holder(&"libname.so".parse().unwrap(), digest);
    for (name, key, reports) in [
        ("one.so", &one, 1),
        ("one.so", &one, 1),
        ("one.so", &other, 2),
        ("other.so", &one, 3),
        ("one.so", &other, 3),
    ] {
        let report = report(name, key);
        holder.verified(&report);
        assert_eq!(holder.reports.len(), reports);
        assert_eq!(holder.reports.last(), Some(&report));
    }
}
