// What the constructors of the tests do is written in C.
#![cfg(target_os = "linux")]

use std::ptr;
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::load::dylib::call;
use crate::load::test_library::{self, seal};

/// Longer than any of these loads takes.
const LIMIT: Duration = Duration::from_secs(30);

/// A library whose constructor calls this function of the test, and counts.
fn compile(constructor: extern "C" fn(), marker: u32) -> Vec<u8> {
    let address = constructor as usize;
    build(&format!(
        "static int count;\n\
         __attribute__((constructor)) static void start(void) {{\n\
             count++; ((void (*)(void)){address:#x})();\n\
         }}\n\
         int constructed(void) {{ return count; }}\n\
         static int calls;\n\
         int calls_until_now(void) {{ return calls++; }}\n\
         int marker(void) {{ return {marker}; }}\n"
    ))
}

fn build(source: &str) -> Vec<u8> {
    test_library::compile(tempfile::tempdir().unwrap().path(), "library.so", source, &[])
}

fn digest(bytes: &[u8]) -> PackageDigest {
    PackageDigest::of_reader(bytes).unwrap().digest
}

/// How many loads of these bytes are on their way. Each holds the copy twice.
fn loads_on_their_way(digest: &PackageDigest) -> usize {
    match lock().get(digest) {
        Some(Shared::Loading(sealed)) => sealed.strong_count() / 2,
        _ => 0,
    }
}

fn wait_until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < LIMIT, "it did not happen in time");
        thread::yield_now();
    }
}

/// Loads two packages at once, each in a thread of its own.
///
/// Both are ready before the first begins: glibc has a thread's first use of a variable that is
/// to be dropped wait for constructors of others, and a constructor here waits for the thread.
fn load_at_once(packages: [&'static [u8]; 2]) -> [&'static Library; 2] {
    let ready = Arc::new(Barrier::new(2));
    let loads = packages.map(|bytes| {
        let (ready, (ended, has_ended)) = (ready.clone(), mpsc::channel());
        thread::spawn(move || {
            let sealed = seal(bytes);
            ended.send(None).unwrap();
            ready.wait();
            ended.send(Some(load(sealed).unwrap())).unwrap();
        });
        has_ended
    });
    loads.map(|load| {
        assert!(load.recv_timeout(LIMIT).unwrap().is_none());
        load.recv_timeout(LIMIT).unwrap().unwrap()
    })
}

extern "C" fn nothing() {}

#[test]
fn equal_bytes_are_one_library_with_one_state() {
    let bytes = compile(nothing, 1);
    let first = load(seal(&bytes)).unwrap();
    assert_eq!(call(first, c"calls_until_now"), 0);
    for calls in 1..=10 {
        let again = load(seal(&bytes)).unwrap();
        assert!(ptr::eq(first, again));
        assert_eq!(call(again, c"calls_until_now"), calls);
    }
    assert_eq!(call(first, c"constructed"), 1);

    let other = load(seal(&compile(nothing, 2))).unwrap();
    assert!(!ptr::eq(first, other));
    assert_eq!((call(first, c"marker"), call(other, c"marker")), (1, 2));
}

#[test]
fn the_copy_of_bytes_that_are_loaded_is_dropped() {
    let bytes = compile(nothing, 3);
    load(seal(&bytes)).unwrap();
    let again = match begin(seal(&bytes)) {
        Begun::Loaded(library) => library,
        Begun::Loading(_) => panic!("it is loaded"),
    };
    assert_eq!(call(again, c"marker"), 3);
}

/// A constructor that loads what is being loaded gets it, as the linker would have it.
#[test]
fn a_package_whose_constructor_loads_it_again_is_loaded_once() {
    static BYTES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    extern "C" fn load_itself() {
        let bytes = BYTES.lock().unwrap().clone();
        assert_eq!(call(load(seal(&bytes)).unwrap(), c"constructed"), 1);
    }
    let bytes = compile(load_itself, 4);
    BYTES.lock().unwrap().clone_from(&bytes);
    let library = load(seal(&bytes)).unwrap();
    assert_eq!(call(library, c"constructed"), 1);
    assert!(ptr::eq(load(seal(&bytes)).unwrap(), library));
}

#[test]
fn two_threads_that_load_equal_bytes_get_one_library_whose_constructor_has_ended() {
    static DIGEST: Mutex<Option<PackageDigest>> = Mutex::new(None);
    static ENDED: Mutex<bool> = Mutex::new(false);
    extern "C" fn until_there_are_two() {
        let digest = DIGEST.lock().unwrap().unwrap();
        wait_until(|| loads_on_their_way(&digest) == 2);
        *ENDED.lock().unwrap() = true;
    }
    let bytes: &'static [u8] = compile(until_there_are_two, 5).leak();
    *DIGEST.lock().unwrap() = Some(digest(bytes));
    let [one, other] = load_at_once([bytes; 2]);
    assert!(*ENDED.lock().unwrap());
    assert!(ptr::eq(one, other));
    assert_eq!(call(one, c"constructed"), 1);
}

/// Each of two packages loads the other one, in two threads at once. A lock, or a load that
/// waits for the other, would never end.
#[test]
fn packages_that_load_each_other_in_two_threads_do_not_wait_forever() {
    static PACKAGES: Mutex<[&[u8]; 2]> = Mutex::new([&[]; 2]);
    extern "C" fn load_second() {
        let second = PACKAGES.lock().unwrap()[1];
        wait_until(|| loads_on_their_way(&digest(second)) > 0);
        assert_eq!(call(load(seal(second)).unwrap(), c"marker"), 7);
    }
    extern "C" fn load_first() {
        let first = PACKAGES.lock().unwrap()[0];
        wait_until(|| loads_on_their_way(&digest(first)) > 0);
        assert_eq!(call(load(seal(first)).unwrap(), c"marker"), 6);
    }
    let packages = [compile(load_second, 6).leak(), compile(load_first, 7).leak()].map(|b| &*b);
    *PACKAGES.lock().unwrap() = packages;
    for library in load_at_once(packages) {
        assert_eq!(call(library, c"constructed"), 1);
    }
}

#[test]
fn a_load_that_failed_is_not_remembered() {
    let directory = tempfile::tempdir().unwrap();
    let soname = "libcomes-later.so.1";
    let provider = test_library::compile(
        directory.path(),
        soname,
        "int answer(void) { return 8; }\n",
        &[&format!("-Wl,-soname,{soname}")],
    );
    let source = "int answer(void);\nint ask(void) { return answer(); }\n";
    let needed = format!("-l:{soname}");
    let dependent =
        test_library::compile(directory.path(), "dependent.so", source, &["-L.", &needed]);

    let error = load(seal(&dependent)).unwrap_err();
    assert!(matches!(error, LoadError::Linker(_)), "{error:?}");
    assert!(!lock().contains_key(&digest(&dependent)));

    load(seal(&provider)).unwrap();
    assert_eq!(call(load(seal(&dependent)).unwrap(), c"ask"), 8);
}

#[test]
fn a_load_that_failed_leaves_another_of_the_same_bytes_alone() {
    let bytes = compile(nothing, 9);
    let begun = |sealed| match begin(sealed) {
        Begun::Loading(sealed) => sealed,
        Begun::Loaded(_) => panic!("it is not loaded"),
    };
    let (one, other) = (begun(seal(&bytes)), begun(seal(&bytes)));
    assert!(Arc::ptr_eq(&one, &other));
    failed(digest(&bytes), one);
    assert!(lock().contains_key(&digest(&bytes)));
    let library = loaded(digest(&bytes), Library::load(other).unwrap());
    assert!(ptr::eq(load(seal(&bytes)).unwrap(), library));
}
