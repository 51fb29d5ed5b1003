//! Libraries from the compiler, each fault beside the library that lacks only that.

/// The library has this fault, and no other.
macro_rules! assert_fault {
    ($bytes:expr, $pattern:pat $(if $guard:expr)?) => {
        let faults = faults(&$bytes);
        assert!(matches!(&faults[..], [$pattern] $(if $guard)?), "{faults:?}");
    };
}

mod damaged;
mod edit;
mod followed;
mod linker;
mod random;
mod rights;
mod unique;
mod versions;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::process::Command;

use super::error::{ElfType, LibraryError, MalformedLibrary};
use super::name::DependencyNameError;
use super::policy::DynamicTag;
use super::{AllowedDependencies, DependencyName, EmptyProcess, Process, SharedLibrary, SonameUse};

const PLAIN: &str = "int answer(void) { return 42; }\n";

/// What `cc` makes of `source` with these arguments.
fn compile(source: &str, arguments: &[&str]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("library.c"), source).unwrap();
    // A library to link against that has no SONAME, so that its path is needed, and one whose
    // SONAME is a template.
    for (name, soname) in [("libpath.so", None), ("libtemplate.so", Some("-Wl,-soname,$LIB"))] {
        let help = "int help(void) { return 1; }\n";
        fs::write(directory.path().join("help.c"), help).unwrap();
        let arguments = ["-shared", "-fPIC", "help.c", "-o", name].into_iter().chain(soname);
        cc(directory.path(), arguments);
    }
    let output = ["-fPIC", "library.c", "-o", "library.so", "-Wl,--no-as-needed"];
    cc(directory.path(), output.into_iter().chain(arguments.iter().copied()));
    fs::read(directory.path().join("library.so")).unwrap()
}

fn cc<'a>(directory: &std::path::Path, arguments: impl Iterator<Item = &'a str>) {
    let output = Command::new("cc").args(arguments).current_dir(directory).output();
    let output = output.unwrap_or_else(|error| panic!("this test needs the program 'cc': {error}"));
    assert!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
}

/// A shared library, with more arguments for the linker.
fn shared(arguments: &[&str]) -> Vec<u8> {
    compile(PLAIN, &[&["-shared"], arguments].concat())
}

fn read(bytes: &[u8]) -> Result<SharedLibrary, LibraryError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    SharedLibrary::read(&file)
}

fn faults(bytes: &[u8]) -> Vec<LibraryError> {
    read(bytes).unwrap().faults(&AllowedDependencies::new(), &EmptyProcess)
}

fn name(text: &str) -> DependencyName {
    text.parse().unwrap()
}

#[test]
fn a_plain_library_needs_the_c_library_and_has_no_fault() {
    let library = shared(&["-Wl,-soname,libplain.so.1"]);
    assert!(faults(&library).is_empty());
    let library = read(&library).unwrap();
    assert_eq!(
        (library.soname(), library.needed()),
        (Some("libplain.so.1"), &["libc.so.6".into()][..])
    );
    assert_eq!(read(&shared(&[])).unwrap().soname(), None);
}

#[test]
fn the_c_librarys_family_is_allowed_by_name() {
    let needs = ["-lm", "-lpthread", "-ldl", "-lrt", "-lgcc_s"];
    let library = shared(&needs);
    assert!(read(&library).unwrap().needed().len() > 2);
    assert!(faults(&library).is_empty());
}

#[test]
fn a_search_path_is_refused() {
    for (option, expected) in
        [("--enable-new-dtags", "DT_RUNPATH"), ("--disable-new-dtags", "DT_RPATH")]
    {
        let library = shared(&["-Wl,-rpath,$ORIGIN", &format!("-Wl,{option}")]);
        assert_fault!(library, LibraryError::ForbiddenTag { tag, value: Some(value) }
            if tag.to_string() == expected && value == "$ORIGIN");
        assert!(faults(&shared(&[&format!("-Wl,{option}")])).is_empty());
    }
}

#[test]
fn auditors_and_filters_are_refused() {
    for (option, expected) in [
        ("--audit=libhelp.so", "DT_AUDIT"),
        ("--depaudit=libhelp.so", "DT_DEPAUDIT"),
        ("-F,libhelp.so", "DT_FILTER"),
        ("-f,libhelp.so", "DT_AUXILIARY"),
    ] {
        let library = shared(&[&format!("-Wl,{option}")]);
        assert_fault!(library, LibraryError::ForbiddenTag { tag, value: Some(value) }
            if tag.to_string() == expected && value == "libhelp.so");
    }
}

#[test]
fn text_relocations_are_refused() {
    let source = |section| format!("__asm__(\"{section}\\n.quad answer\\n.text\\n\");\n{PLAIN}");
    let options = ["-shared", "-Wl,-z,notext"];
    assert_fault!(compile(&source(".text"), &options), LibraryError::TextRelocations);
    assert!(faults(&compile(&source(".data"), &options)).is_empty());
}

#[test]
fn an_executable_or_undeclared_stack_is_refused() {
    assert_fault!(shared(&["-z", "execstack"]), LibraryError::ExecutableStack);
    let library = shared(&["-z", "noexecstack"]);
    assert!(faults(&library).is_empty());
    let undeclared = edit::without_stack(&library);
    assert_fault!(undeclared, LibraryError::UndeclaredStack);
}

#[test]
fn code_that_can_be_written_is_refused() {
    let source = |flags| {
        format!(
            "__asm__(\".section .extra,\\\"{flags}\\\",@progbits\\n.quad 0\\n.text\\n\");\n{PLAIN}"
        )
    };
    assert_fault!(compile(&source("awx"), &["-shared"]), LibraryError::WritableCode { .. });
    for flags in ["aw", "ax"] {
        assert!(faults(&compile(&source(flags), &["-shared"])).is_empty());
    }
}

/// The linker would load it, and could not be seen to have mapped it.
#[test]
fn a_library_without_code_is_refused() {
    let library = shared(&["-nostartfiles"]);
    assert_fault!(edit::without_code(&library), LibraryError::NoCode);
    assert_fault!(edit::with_empty_code(&library), LibraryError::NoCode);
    assert!(faults(&library).is_empty());
}

#[test]
fn flags_that_change_what_is_found_are_refused() {
    for (option, flags) in
        [("interpose", 0x400), ("nodefaultlib", 0x800), ("nodlopen", 0x40), ("initfirst", 0x20)]
    {
        let library = shared(&["-z", option, "-z", "now"]);
        assert_fault!(library, LibraryError::ForbiddenFlags { flags: found } if *found == flags);
    }
    for option in ["now", "nodelete", "origin"] {
        assert!(faults(&shared(&["-z", option])).is_empty(), "{option}");
    }
}

#[test]
fn a_dependency_by_path_is_refused() {
    let library = shared(&["./libpath.so"]);
    assert_fault!(library, LibraryError::InvalidDependency {
        name, source: DependencyNameError::Character { found: '/' },
    } if name == "./libpath.so");
}

#[test]
fn a_dependency_that_the_linker_would_replace_is_refused() {
    let library = shared(&["./libtemplate.so"]);
    assert_fault!(library, LibraryError::InvalidDependency {
        name, source: DependencyNameError::Character { found: '$' },
    } if name == "$LIB");
}

#[test]
fn a_dependency_without_a_name_is_refused() {
    let library = shared(&["-nostdlib", "-L.", "-l:libpath.so"]);
    assert_fault!(
        edit::with_value(&library, 1, 0),
        LibraryError::InvalidDependency { source: DependencyNameError::Length { bytes: 0 }, .. }
    );
}

/// A process of which only this is known.
struct With(SonameUse, bool);

impl Process for With {
    fn soname_use(&self, asked: &DependencyName) -> SonameUse {
        assert_eq!(asked.as_str(), "libpath.so");
        self.0
    }

    fn is_package(&self, asked: &DependencyName) -> bool {
        asked.as_str() == "libpath.so" && self.1
    }
}

fn first_fault(library: &SharedLibrary, allowed: &[&str], process: With) -> Option<LibraryError> {
    let allowed = allowed.iter().map(|text| name(text)).collect();
    library.faults(&allowed, &process).into_iter().next()
}

#[test]
fn another_dependency_is_refused_unless_it_is_allowed_or_loaded_once() {
    let library = read(&shared(&["-L.", "-l:libpath.so"])).unwrap();
    assert_eq!(library.needed(), ["libpath.so", "libc.so.6"]);
    let with = |allowed: &[&str], used| first_fault(&library, allowed, With(used, false));
    let refused = with(&[], SonameUse::Unused);
    assert!(
        matches!(&refused, Some(LibraryError::DependencyNotAllowed { name }) if name.as_str() == "libpath.so"),
        "{refused:?}"
    );
    let refused = with(&["libpath.so.1", "libpath"], SonameUse::Unused);
    assert!(matches!(refused, Some(LibraryError::DependencyNotAllowed { .. })), "{refused:?}");
    let refused = with(&[], SonameUse::SeveralPackages);
    assert!(matches!(refused, Some(LibraryError::AmbiguousDependency { .. })), "{refused:?}");

    assert!(with(&["libpath.so"], SonameUse::Unused).is_none());
    assert!(with(&[], SonameUse::OnePackage).is_none());
}

#[test]
fn a_dependency_is_refused_if_the_linker_would_take_another_library_for_it() {
    let library = read(&shared(&["-L.", "-l:libpath.so"])).unwrap();
    // The package that is meant, or the library of the system that is.
    for (allowed, used, is_package, is_refused) in [
        (&[][..], SonameUse::Shadowed, false, true),
        (&[], SonameUse::OnePackage, true, false),
        (&["libpath.so"], SonameUse::OnePackage, true, true),
        (&["libpath.so"], SonameUse::Unused, true, true),
        (&["libpath.so"], SonameUse::Shadowed, false, false),
    ] {
        let fault = first_fault(&library, allowed, With(used, is_package));
        let replaced = matches!(&fault, Some(LibraryError::DependencyReplaced { name }) if name.as_str() == "libpath.so");
        assert_eq!(replaced, is_refused, "{allowed:?} {used:?}: {fault:?}");
        assert_eq!(fault.is_none(), !is_refused, "{allowed:?} {used:?}: {fault:?}");
    }
}

#[test]
fn a_package_that_would_stand_in_for_an_allowed_library_is_refused() {
    assert_fault!(shared(&["-Wl,-soname,libm.so.6"]), LibraryError::ReservedSoname { name }
        if name.as_str() == "libm.so.6");
    assert!(faults(&shared(&["-Wl,-soname,libm.so.7"])).is_empty());

    let library = read(&shared(&["-Wl,-soname,libfoo.so.1"])).unwrap();
    let faults = library.faults(&[name("libfoo.so.1")].into(), &EmptyProcess);
    assert!(matches!(&faults[..], [LibraryError::ReservedSoname { .. }]), "{faults:?}");
    let faults = library.faults(&[name("libfoo.so.2")].into(), &EmptyProcess);
    assert!(faults.is_empty(), "{faults:?}");
}

#[test]
fn a_soname_that_is_a_path_or_empty_is_refused() {
    for text in ["./libhelp.so", "a b", "$LIB"] {
        let library = shared(&[&format!("-Wl,-soname,{text}")]);
        assert_fault!(library, LibraryError::InvalidSoname { name, .. } if name == text);
    }
    let library = edit::with_value(&shared(&["-Wl,-soname,libfoo.so"]), 14, 0);
    assert_fault!(library, LibraryError::InvalidSoname { name, .. } if name.is_empty());
}

#[test]
fn all_faults_of_a_library_are_found() {
    let options =
        ["-Wl,-rpath,/opt", "-L.", "-l:libpath.so", "-z", "execstack", "-Wl,-soname,libc.so.6"];
    let codes: Vec<_> = faults(&shared(&options)).iter().map(LibraryError::code).collect();
    let expected =
        ["ForbiddenDynamicTag", "DependencyNotAllowed", "ReservedSoname", "ExecutableStack"];
    assert_eq!(codes, expected);
}

#[test]
fn what_is_not_an_elf_file_is_not_a_library() {
    for bytes in [&b""[..], b"\x7fEL", b"not a library", b"\0asm\x01\0\0\0", &[0; 4096]] {
        let error = read(bytes).unwrap_err();
        assert!(matches!(error, LibraryError::NotElf), "{error:?}");
    }
}

#[test]
fn programs_and_object_files_are_not_libraries() {
    let main = "int main(void) { return 0; }\n";
    for (options, expected) in [
        (&["-pie"][..], ElfType::PositionIndependentExecutable),
        (&["-no-pie"], ElfType::Other(2)),
        (&["-c"], ElfType::Other(1)),
    ] {
        let error = read(&compile(main, options)).unwrap_err();
        assert!(
            matches!(error, LibraryError::NotShared { found } if found == expected),
            "{error:?}"
        );
    }
}

#[test]
fn a_library_for_another_machine_is_refused_by_name() {
    let library = shared(&[]);
    for (offset, value) in [(4, 1), (5, 2), (18, 3)] {
        let mut other = library.clone();
        other[offset] = value;
        let error = read(&other).unwrap_err();
        assert!(
            matches!(error, LibraryError::OtherTarget { found, expected } if found != expected),
            "{error:?}"
        );
    }
    read(&library).unwrap();
}

#[test]
fn a_library_without_section_headers_is_read() {
    let library = shared(&["-Wl,-soname,libfoo.so", "-Wl,-rpath,/opt"]);
    let stripped = edit::without_sections(&library);
    assert_ne!(library, stripped);
    assert_eq!(read(&library).unwrap(), read(&stripped).unwrap());
}

/// This test's own program has been linked by another linker than `cc` uses, if Rust's own is
/// the default.
#[test]
fn what_rust_links_is_read() {
    let own = File::open(std::env::current_exe().unwrap()).unwrap();
    let error = SharedLibrary::read(&own).unwrap_err();
    let expected = ElfType::PositionIndependentExecutable;
    assert!(matches!(error, LibraryError::NotShared { found } if found == expected), "{error:?}");
}

/// The libraries that this process has loaded, by another program's reading.
#[test]
#[cfg(target_os = "linux")]
fn this_machines_libraries_are_read_as_readelf_shows_them() {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let paths = maps.lines().filter_map(|line| line.split_once('/'));
    let paths: BTreeSet<_> = paths.map(|(_, path)| format!("/{path}")).collect();
    let mut compared = 0;
    for path in paths.iter().filter(|path| path.contains(".so")) {
        let library = SharedLibrary::read(&File::open(path).unwrap()).unwrap();
        let output = Command::new("readelf").args(["-dW", path]).output();
        let output =
            output.unwrap_or_else(|error| panic!("this test needs the program 'readelf': {error}"));
        let shown = String::from_utf8_lossy(&output.stdout);
        let texts = |tag: &str| -> Vec<String> {
            let lines = shown.lines().filter(|line| line.contains(tag));
            lines
                .filter_map(|line| Some(line.split_once('[')?.1.trim_end_matches(']').into()))
                .collect()
        };
        assert_eq!(library.needed(), texts("(NEEDED)"), "{path}");
        assert_eq!(library.soname(), texts("(SONAME)").first().map(String::as_str), "{path}");
        assert!(library.dynamic.forbidden.is_empty(), "{path}");
        compared += 1;
    }
    assert!(compared > 1, "{paths:?}");
}
