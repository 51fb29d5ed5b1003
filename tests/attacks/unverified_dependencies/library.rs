//! Libraries beside a signed package, whose constructors write the canary's file.

mod sonames;

use std::path::{Path, PathBuf};
use std::process::Command;

use signing_crypto::{OrgId, PackageName, PackageVersion};
use signing_loader::{
    DependencyName, DependencyNameError, LibraryError, LoadError, LoadedPackage, OrganizationRef,
    PackageError, SecurityConfig, SignatureSource, UntrustedReason, VerificationError, Verifier,
    package_statement, verify_and_load_package,
};
use signing_trust::PinnedKeys;
use signing_trust::store::SigningKeyRecord;

use crate::support::{
    Vendor, World, assert_refused, on_both_backends, with_a_canary_on_both_backends,
};

with_a_canary_on_both_backends! {
    IsSilent:
    library_that_a_package_needs_by_path_does_not_run,
    library_that_a_package_finds_beside_itself_does_not_run,
    library_of_the_system_does_not_run_unless_it_is_allowed,
    package_that_takes_the_name_of_an_allowed_library_does_not_load,
    older_package_with_the_same_soname_is_not_taken_for_the_newer_one,
    unsigned_package_is_not_taken_for_the_verified_one,
    package_that_squats_an_allowed_name_is_not_taken_for_the_library,
    package_of_a_revoked_key_is_not_linked_to_although_it_is_loaded,
    package_that_only_another_verifier_trusts_is_not_linked_to,
    package_below_the_floor_is_not_linked_to_although_it_is_loaded,
}

with_a_canary_on_both_backends! {
    Sings:
    library_that_the_operator_allows_runs,
}

on_both_backends! {
    package_that_makes_every_stack_executable_does_not_load,
    package_whose_objects_others_would_use_does_not_load,
}

/// A library whose constructor betrays that it ran.
const HOSTILE: &str = "
    #include <stdio.h>
    #include <stdlib.h>
    __attribute__((constructor)) static void start(void) {
        FILE *canary = fopen(getenv(\"CLOACINA_CANARY\"), \"w\");
        if (canary) fclose(canary);
    }
    int help(void) { return 1; }
";

/// A package that needs `help` from another library.
const NEEDS_HELP: &str = "int help(void);\nint run(void) { return help(); }\n";
const PLAIN: &str = "int run(void) { return 1; }\n";

/// What `cc` makes of `source`, in the world's directory.
fn compile(world: &World, name: &str, source: &str, options: &[&str]) -> PathBuf {
    let directory: &Path = &world.database.directory;
    world.file("source.c", source.as_bytes());
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "source.c", "-o", name])
        .args(options)
        .current_dir(directory)
        .output()
        .unwrap_or_else(|error| panic!("this test needs the program 'cc': {error}"));
    assert!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
    directory.join(name)
}

async fn signed(world: &World, vendor: &Vendor, package: &Path) -> SignatureSource {
    SignatureSource::Memory(world.sign(package, &vendor.key).await)
}

async fn load(
    world: &World,
    vendor: &Vendor,
    package: &Path,
) -> Result<LoadedPackage, PackageError> {
    let source = signed(world, vendor, package).await;
    world.load(package, vendor.org, source).await
}

/// The same through a `Verifier` to which the operator has allowed `dependency`.
async fn load_allowing(
    world: &World,
    org: OrgId,
    package: &Path,
    source: SignatureSource,
    dependency: &str,
) -> Result<LoadedPackage, PackageError> {
    let verifier = Verifier::organization(&world.keys, OrganizationRef::Id(org)).await.unwrap();
    let verifier = verifier.allow_dependency(dependency.parse().unwrap());
    verifier.signature(source).verify(package).await?.load().await
}

macro_rules! assert_not_loaded {
    ($loaded:expr, $pattern:pat $(if $guard:expr)?) => {
        assert_refused!(
            $loaded.await,
            PackageError::Load(LoadError::Library($pattern)) $(if $guard)?
        );
    };
}

async fn library_that_a_package_needs_by_path_does_not_run(world: World) {
    let vendor = world.vendor("acme").await;
    compile(&world, "libhelp.so", HOSTILE, &[]);
    let package = compile(&world, "needs.so", NEEDS_HELP, &["./libhelp.so"]);
    assert_not_loaded!(load(&world, &vendor, &package), LibraryError::InvalidDependency {
        name, source: DependencyNameError::Character { found: '/' },
    } if name == "./libhelp.so");
    let plain = compile(&world, "plain.so", PLAIN, &[]);
    load(&world, &vendor, &plain).await.unwrap();
}

async fn library_that_a_package_finds_beside_itself_does_not_run(world: World) {
    let vendor = world.vendor("acme").await;
    compile(&world, "libhelp.so", HOSTILE, &[]);
    // The linker would take the directory of the sealed copy for `$ORIGIN`.
    for path in ["$ORIGIN", world.database.directory.to_str().unwrap()] {
        for dtags in ["--enable-new-dtags", "--disable-new-dtags"] {
            let options = [&format!("-Wl,{dtags},-rpath,{path}"), "-L.", "-l:libhelp.so"];
            let package = compile(&world, "finds.so", NEEDS_HELP, &options);
            assert_not_loaded!(load(&world, &vendor, &package), LibraryError::ForbiddenTag {
                value: Some(value), ..
            } if value == path);
            // Nor if the operator allows the dependency itself.
            let source = signed(&world, &vendor, &package).await;
            let loaded = load_allowing(&world, vendor.org, &package, source, "libhelp.so");
            assert_not_loaded!(loaded, LibraryError::ForbiddenTag { .. });
        }
    }
}

async fn library_of_the_system_does_not_run_unless_it_is_allowed(world: World) {
    let vendor = world.vendor("acme").await;
    compile(&world, "libhelp.so", HOSTILE, &[]);
    let package = compile(&world, "needs.so", NEEDS_HELP, &["-L.", "-l:libhelp.so"]);
    assert_not_loaded!(load(&world, &vendor, &package), LibraryError::DependencyNotAllowed {
        name,
    } if name.as_str() == "libhelp.so");
    for other in ["libhelp.so.1", "libHelp.so", "help"] {
        let source = signed(&world, &vendor, &package).await;
        let loaded = load_allowing(&world, vendor.org, &package, source, other);
        assert_not_loaded!(loaded, LibraryError::DependencyNotAllowed { .. });
    }
}

/// The sibling of the above: the linker finds it by its own rules, as here because code of the
/// host has needed it before.
async fn library_that_the_operator_allows_runs(world: World) {
    let vendor = world.vendor("acme").await;
    compile(&world, "libhelp.so", HOSTILE, &["-Wl,-soname,libhelp.so"]);
    let beside = format!("-Wl,-rpath,{}", world.database.directory.display());
    let host = compile(&world, "host.so", NEEDS_HELP, &["-L.", "-l:libhelp.so", &beside]);
    let package = compile(&world, "needs.so", NEEDS_HELP, &["-L.", "-l:libhelp.so"]);
    let source = signed(&world, &vendor, &package).await;
    let loaded = load_allowing(&world, vendor.org, &package, source.clone(), "libhelp.so").await;
    assert_refused!(loaded, PackageError::Load(LoadError::Linker(_)));

    let _by_the_host = signing_loader::danger_load_unsigned(host).unwrap();
    load_allowing(&world, vendor.org, &package, source.clone(), "libhelp.so").await.unwrap();

    // The function with the switch takes it from its configuration.
    let name: DependencyName = "libhelp.so".parse().unwrap();
    let config = SecurityConfig { allowed_dependencies: [name].into(), ..world.security() };
    let without = world.load(&package, vendor.org, source.clone()).await;
    assert_refused!(
        without,
        PackageError::Load(LoadError::Library(LibraryError::DependencyNotAllowed { .. }))
    );
    let keys = &world.keys;
    verify_and_load_package(&package, vendor.org, &config, keys, source).await.unwrap();
}

async fn package_that_takes_the_name_of_an_allowed_library_does_not_load(world: World) {
    let vendor = world.vendor("acme").await;
    for taken in ["libm.so.6", "libc.so.6", "libgcc_s.so.1"] {
        let soname = format!("-Wl,-soname,{taken}");
        let package = compile(&world, "hijacks.so", HOSTILE, &[&soname]);
        assert_not_loaded!(load(&world, &vendor, &package), LibraryError::ReservedSoname {
            name,
        } if name.as_str() == taken);
    }
    let package = compile(&world, "hijacks.so", HOSTILE, &["-Wl,-soname,libhelp.so"]);
    let source = signed(&world, &vendor, &package).await;
    let loaded = load_allowing(&world, vendor.org, &package, source, "libhelp.so");
    assert_not_loaded!(loaded, LibraryError::ReservedSoname { .. });
    let plain = compile(&world, "plain.so", PLAIN, &["-Wl,-soname,libplain.so"]);
    load(&world, &vendor, &plain).await.unwrap();
}

/// Both are signed. An attacker who can choose which is loaded first must not choose the code
/// that a third package calls.
async fn older_package_with_the_same_soname_is_not_taken_for_the_newer_one(world: World) {
    let vendor = world.vendor("acme").await;
    let named = ["-Wl,-soname,libtwo-versions.so"];
    let older = compile(&world, "older.so", "int help(void) { return 1; }\n", &named);
    let newer = "libtwo-versions.so";
    let newer = compile(&world, newer, "int help(void) { return 2; }\n", &named);
    let needs = ["-L.", "-l:libtwo-versions.so"];
    let package = compile(&world, "needs.so", NEEDS_HELP, &needs);

    load(&world, &vendor, &newer).await.unwrap();
    load(&world, &vendor, &package).await.unwrap();
    load(&world, &vendor, &older).await.unwrap();
    assert_not_loaded!(load(&world, &vendor, &package), LibraryError::AmbiguousDependency {
        name,
    } if name.as_str() == "libtwo-versions.so");
}

/// A host that turns signatures on step by step still has unsigned packages. None of them may
/// decide which code a verified package calls.
async fn unsigned_package_is_not_taken_for_the_verified_one(world: World) {
    let vendor = world.vendor("acme").await;
    for (soname, is_first) in [("libadopted-1.so", true), ("libadopted-2.so", false)] {
        let named = [&*format!("-Wl,-soname,{soname}")];
        let unsigned = compile(&world, "old.so", "int help(void) { return 13; }\n", &named);
        let verified = compile(&world, soname, "int help(void) { return 42; }\n", &named);
        let package = compile(&world, "needs.so", NEEDS_HELP, &["-L.", &format!("-l:{soname}")]);
        let load_unsigned = || signing_loader::danger_load_unsigned(&unsigned).unwrap();
        if is_first {
            load_unsigned();
            load(&world, &vendor, &verified).await.unwrap();
            assert_not_loaded!(load(&world, &vendor, &package), LibraryError::DependencyReplaced {
                name,
            } if name.as_str() == soname);
        } else {
            load(&world, &vendor, &verified).await.unwrap();
            load_unsigned();
            load(&world, &vendor, &package).await.unwrap();
        }
    }
}

/// The package was loaded through a verifier that does not allow the name. Another verifier
/// does, and means the library of the system.
async fn package_that_squats_an_allowed_name_is_not_taken_for_the_library(world: World) {
    let vendor = world.vendor("acme").await;
    let soname = "libsquatted.so.1";
    let named = [&*format!("-Wl,-soname,{soname}")];
    let squatter = compile(&world, soname, "int help(void) { return 13; }\n", &named);
    let package = compile(&world, "needs.so", NEEDS_HELP, &["-L.", &format!("-l:{soname}")]);
    let source = signed(&world, &vendor, &package).await;
    let loaded = || load_allowing(&world, vendor.org, &package, source.clone(), soname);
    // Until there is such a library, only the linker refuses it.
    assert_refused!(loaded().await, PackageError::Load(LoadError::Linker(_)));
    load(&world, &vendor, &squatter).await.unwrap();
    assert_not_loaded!(loaded(), LibraryError::DependencyReplaced {
        name,
    } if name.as_str() == soname);
    // Where the package itself is meant, it is used.
    load(&world, &vendor, &package).await.unwrap();
}

/// A package with a SONAME that is loaded, signed by a second key of the vendor, and one that
/// needs it, signed by the first.
async fn provider_and_package(
    world: &World,
    vendor: &Vendor,
    soname: &str,
) -> (SigningKeyRecord, PathBuf, PathBuf) {
    let second = world.key(vendor.org, "second").await;
    world.trust(vendor.org, &second).await;
    let named = [&*format!("-Wl,-soname,{soname}")];
    let provider = compile(world, soname, "int help(void) { return 1; }\n", &named);
    let package = compile(world, "needs.so", NEEDS_HELP, &["-L.", &format!("-l:{soname}")]);
    (second, provider, package)
}

macro_rules! assert_dependency_refused {
    ($loaded:expr, $soname:expr, $pattern:pat) => {
        assert_refused!(
            $loaded.await,
            PackageError::Load(LoadError::Dependency { name, provider, source })
                if (name.as_str(), provider.as_str()) == ($soname, $soname)
                    && matches!(*source, PackageError::Verification($pattern))
        );
    };
}

async fn package_of_a_revoked_key_is_not_linked_to_although_it_is_loaded(world: World) {
    let vendor = world.vendor("acme").await;
    let soname = "librevoked.so.1";
    let (second, provider, package) = provider_and_package(&world, &vendor, soname).await;
    let source = SignatureSource::Memory(world.sign(&provider, &second).await);
    world.load(&provider, vendor.org, source).await.unwrap();
    load(&world, &vendor, &package).await.unwrap();

    let fingerprint = second.public_key.fingerprint();
    world.keys.deny_key(vendor.org, &fingerprint, None).await.unwrap();
    assert_dependency_refused!(
        load(&world, &vendor, &package),
        soname,
        VerificationError::UntrustedSigner { .. }
    );
    // What the key has signed is still loaded. Another signature makes it count again.
    load(&world, &vendor, &provider).await.unwrap();
    load(&world, &vendor, &package).await.unwrap();
}

async fn package_that_only_another_verifier_trusts_is_not_linked_to(world: World) {
    let vendor = world.vendor("acme").await;
    let soname = "libforeign.so.1";
    let (second, provider, package) = provider_and_package(&world, &vendor, soname).await;
    let load_pinned = async |path: &Path, key: &SigningKeyRecord, pins: &[&SigningKeyRecord]| {
        let source = SignatureSource::Memory(world.sign(path, key).await);
        let keys: PinnedKeys = pins.iter().map(|pin| pin.public_key).collect();
        Verifier::pinned(keys).signature(source).verify(path)?.load()
    };
    load_pinned(&provider, &second, &[&second]).await.unwrap();
    assert_dependency_refused!(
        load_pinned(&package, &vendor.key, &[&vendor.key]),
        soname,
        VerificationError::UntrustedSigner { .. }
    );
    load_pinned(&package, &vendor.key, &[&vendor.key, &second]).await.unwrap();
    // The organization trusts both.
    load(&world, &vendor, &package).await.unwrap();
}

/// Expiry and version are decided about again as well.
async fn package_below_the_floor_is_not_linked_to_although_it_is_loaded(world: World) {
    let vendor = world.vendor("acme").await;
    let soname = "libfloor.so.1";
    let (_, provider, package) = provider_and_package(&world, &vendor, soname).await;
    let version: PackageVersion = "1.2.0".parse().unwrap();
    let statement = package_statement(&provider).unwrap().with_version(version.clone());
    let envelope = world.keys.sign_statement(vendor.key.id, &statement).await.unwrap();
    let source = SignatureSource::Memory(envelope);
    world.load(&provider, vendor.org, source).await.unwrap();
    let raise = async |version: PackageVersion| {
        let name: PackageName = soname.parse().unwrap();
        world.keys.set_version_floor(vendor.org, &name, Some(version)).await.unwrap();
    };
    raise(version).await;
    load(&world, &vendor, &package).await.unwrap();
    raise("1.3.0".parse().unwrap()).await;
    assert_dependency_refused!(
        load(&world, &vendor, &package),
        soname,
        VerificationError::VersionBelowFloor { .. }
    );
}

async fn package_that_makes_every_stack_executable_does_not_load(world: World) {
    let vendor = world.vendor("acme").await;
    let package = compile(&world, "stack.so", PLAIN, &["-z", "execstack"]);
    assert_not_loaded!(load(&world, &vendor, &package), LibraryError::ExecutableStack);
    assert!(!has_executable_stack());
    let plain = compile(&world, "stack.so", PLAIN, &["-z", "noexecstack"]);
    load(&world, &vendor, &plain).await.unwrap();
}

async fn package_whose_objects_others_would_use_does_not_load(world: World) {
    const SHARED: &str = "int shared = 1;\n";
    let vendor = world.vendor("acme").await;
    let unique = [PLAIN, SHARED, "__asm__(\".type shared, %gnu_unique_object\");\n"].concat();
    let package = compile(&world, "shares.so", &unique, &[]);
    assert_not_loaded!(load(&world, &vendor, &package), LibraryError::UniqueSymbol {
        name,
    } if name == "shared");
    let plain = compile(&world, "shares.so", &[PLAIN, SHARED].concat(), &[]);
    load(&world, &vendor, &plain).await.unwrap();
}

fn has_executable_stack() -> bool {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let stack = maps.lines().find(|line| line.ends_with("[stack]")).unwrap();
    stack.contains('x')
}
