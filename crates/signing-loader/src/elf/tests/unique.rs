//! Symbols of which glibc has one for the whole process.

use super::*;

/// As a C++ compiler makes it of the static of an inline function.
const UNIQUE: &str = "__asm__(\".type shared, %gnu_unique_object\");\nint shared = 1;\n";
const HASH_STYLES: [&str; 3] =
    ["-Wl,--hash-style=gnu", "-Wl,--hash-style=sysv", "-Wl,--hash-style=both"];

#[test]
fn a_symbol_that_packages_would_share_is_refused() {
    for style in HASH_STYLES {
        let options = ["-shared", style];
        let source = format!("{PLAIN}{UNIQUE}");
        assert_fault!(compile(&source, &options), LibraryError::UniqueSymbol { name }
            if name == "shared");
        // The same object, as `-fno-gnu-unique` makes it.
        let source = format!("{PLAIN}int __attribute__((weak)) shared = 1;\n");
        assert!(faults(&compile(&source, &options)).is_empty(), "{style}");
        // And one that no lookup finds.
        let source = format!("__asm__(\".hidden shared\");\n{PLAIN}{UNIQUE}");
        assert!(faults(&compile(&source, &options)).is_empty(), "{style}");
    }
}

#[test]
fn a_unique_symbol_is_found_among_many_and_named() {
    let mut source: String =
        (0..5000).map(|number| format!("int symbol_{number} = 1;\n")).collect();
    for style in HASH_STYLES {
        let options = ["-shared", style];
        assert!(faults(&compile(&source, &options)).is_empty(), "{style}");
    }
    source.push_str("__asm__(\".type symbol_3210, %gnu_unique_object\");\n");
    for style in HASH_STYLES {
        assert_fault!(compile(&source, &["-shared", style]), LibraryError::UniqueSymbol { name }
            if name == "symbol_3210");
    }
}

/// Names in C++ can be longer than any name of a library.
#[test]
fn a_long_name_of_a_symbol_is_accepted_and_is_cut_off_in_the_message() {
    let name = "a".repeat(3000);
    let source = format!("int {name} = 1;\n{PLAIN}");
    assert!(faults(&compile(&source, &["-shared"])).is_empty());
    let source = format!("__asm__(\".type {name}, %gnu_unique_object\");\n{source}");
    assert_fault!(compile(&source, &["-shared"]), LibraryError::UniqueSymbol { name: found }
        if *found == name[..1024]);
}
