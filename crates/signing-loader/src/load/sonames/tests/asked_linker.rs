//! What the dynamic linker would take counts, whatever the table says.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

/// Loads it as a host does that knows nothing of this crate.
fn load_by_host(sealed: SealedPackage) -> Library {
    Library::load(sealed).unwrap()
}

fn load_unsigned(sealed: SealedPackage) -> LibraryId {
    shared::load(sealed).unwrap().id()
}

fn assert_replaced(loaded: Result<&'static Library, LoadError>, expected: &str) {
    let refused = refusal(loaded);
    assert!(
        matches!(&refused, LibraryError::DependencyReplaced { name } if name.as_str() == expected),
        "{refused:?}"
    );
}

#[test]
fn a_library_that_was_loaded_before_does_not_stand_in_for_a_verified_package() {
    let directory = tempfile::tempdir().unwrap();
    let of_host = |sealed| load_by_host(sealed).id();
    for (soname, load_other) in
        [("libunsigned.so.1", load_unsigned as fn(_) -> _), ("libhost.so.1", of_host)]
    {
        load_other(provider(directory.path(), soname, 13));
        load_it(provider(directory.path(), soname, 42)).unwrap();
        assert_replaced(load_it(dependent(directory.path(), soname)), soname);
        // What the linker would have taken.
        let taken = load_by_host(dependent(directory.path(), soname));
        assert_eq!(call(&taken, c"ask"), 13);
    }
    for (soname, load_other) in
        [("libunsigned.so.2", load_unsigned as fn(_) -> _), ("libhost.so.2", of_host)]
    {
        load_it(provider(directory.path(), soname, 42)).unwrap();
        load_other(provider(directory.path(), soname, 13));
        let loaded = load_it(dependent(directory.path(), soname)).unwrap();
        assert_eq!(call(loaded, c"ask"), 42);
    }
}

#[test]
fn a_package_does_not_stand_in_for_a_library_that_the_operator_allows() {
    let directory = tempfile::tempdir().unwrap();
    let load_allowing = |soname: &str| {
        let allowed = [soname.parse().unwrap()].into();
        load_with(dependent(directory.path(), soname), &allowed)
    };
    let verified = |sealed| load_it(sealed).unwrap().id();
    for (soname, load_other) in
        [("libsquat.so.1", verified as fn(_) -> _), ("libsquat.so.2", load_unsigned)]
    {
        load_other(provider(directory.path(), soname, 13));
        assert_replaced(load_allowing(soname), soname);
    }
    for (soname, load_other) in
        [("libsquat.so.3", verified as fn(_) -> _), ("libsquat.so.4", load_unsigned)]
    {
        load_by_host(provider(directory.path(), soname, 42));
        load_other(provider(directory.path(), soname, 13));
        assert_eq!(call(load_allowing(soname).unwrap(), c"ask"), 42);
    }
}

/// For a name that is not loaded, it opens files.
#[test]
fn the_linker_is_not_asked_about_a_name_that_is_refused_anyway() {
    let directory = tempfile::tempdir().unwrap();
    let soname = "libasked.so.1";
    load_by_host(provider(directory.path(), soname, 1));
    let library = SharedLibrary::read(dependent(directory.path(), soname).file()).unwrap();
    let (none, unused) = (AllowedDependencies::new(), TrustedProviders::none());
    let is_asked = |allowed: &AllowedDependencies, trusted: &TrustedProviders| {
        let found = Found::of(&library, allowed, trusted);
        found.names.contains_key(&soname.parse().unwrap())
    };
    assert!(!is_asked(&none, &unused));
    assert!(is_asked(&[soname.parse().unwrap()].into(), &unused));
    // A package that is loaded, but not trusted, and one that is.
    load_it(provider(directory.path(), soname, 2)).unwrap();
    assert!(!is_asked(&none, &unused));
    assert!(is_asked(&none, &trusted(candidates(&library, &none))));
}

/// Neither of two loads at the same time waits for the other, so the second is refused.
#[test]
fn a_name_of_the_system_is_not_taken_while_a_package_that_needs_it_is_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let soname = "libawaited.so.1";
    let squatter = || provider(directory.path(), soname, 13);
    let allowed = [soname.parse().unwrap()].into();
    let (none, unused) = (AllowedDependencies::new(), TrustedProviders::none());
    squatter();
    let needs = dependent(directory.path(), soname);

    let admitted = |sealed: &SealedPackage, allowed| {
        let library = SharedLibrary::read(sealed.file()).unwrap();
        Admission::of(&library, sealed.content().digest, allowed, &unused)
    };
    let needing = admitted(&needs, &allowed).unwrap();
    let refused = admitted(&squatter(), &none).err().unwrap();
    assert!(matches!(refused, LibraryError::ReservedSoname { .. }), "{refused:?}");
    needing.withdraw();
    let squatting = admitted(&squatter(), &none).unwrap();
    let refused = admitted(&needs, &allowed).err().unwrap();
    assert!(matches!(refused, LibraryError::DependencyReplaced { .. }), "{refused:?}");
    squatting.withdraw();
    admitted(&needs, &allowed).unwrap().withdraw();
}

/// A thread whose package's constructor has the linker's lock loads another package, while a
/// second thread waits for the linker.
#[test]
fn a_load_that_waits_for_the_linker_keeps_no_constructor_from_loading() {
    static IS_CONSTRUCTING: AtomicBool = AtomicBool::new(false);
    static OTHER_THREAD: Mutex<Option<PathBuf>> = Mutex::new(None);
    static LOADED_BY_CONSTRUCTOR: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
    extern "C" fn load_another() {
        IS_CONSTRUCTING.store(true, Ordering::Release);
        let status = wait_for(|| OTHER_THREAD.lock().unwrap().clone()).join("stat");
        wait_for(|| {
            let status = fs::read_to_string(&status).unwrap();
            status.rsplit_once(") ").unwrap().1.starts_with('S').then_some(())
        });
        let bytes = LOADED_BY_CONSTRUCTOR.lock().unwrap().pop().unwrap();
        load_it(seal(&bytes)).unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let answers = |number| {
        let soname = format!("libwaits.so.{number}");
        provider(directory.path(), &soname, number);
        fs::read(directory.path().join(soname)).unwrap()
    };
    LOADED_BY_CONSTRUCTOR.lock().unwrap().push(answers(1));
    let bytes = answers(2);
    let source = format!(
        "__attribute__((constructor)) static void start(void) {{ ((void (*)(void)){:#x})(); }}\n",
        load_another as extern "C" fn() as usize
    );
    let first = compile(directory.path(), "first.so", &source, &[]);

    let (ended, has_ended) = mpsc::channel();
    let ready = Arc::new(Barrier::new(2));
    let loads: [Box<dyn FnOnce() + Send>; 2] = [
        Box::new(move || assert!(load_it(first).is_ok())),
        Box::new(move || {
            wait_for(|| IS_CONSTRUCTING.load(Ordering::Acquire).then_some(()));
            *OTHER_THREAD.lock().unwrap() = Some(fs::canonicalize("/proc/thread-self").unwrap());
            load_it(seal(&bytes)).unwrap();
        }),
    ];
    for load in loads {
        let (ready, ended) = (ready.clone(), ended.clone());
        thread::spawn(move || {
            // A thread's first use of the channel may wait for constructors of others.
            ended.send(()).unwrap();
            ready.wait();
            load();
            ended.send(()).unwrap();
        });
    }
    for _ in 0..4 {
        has_ended.recv_timeout(LIMIT).unwrap();
    }
}

/// Longer than any of these loads takes.
const LIMIT: Duration = Duration::from_secs(30);

fn wait_for<T>(condition: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(result) = condition() {
            return result;
        }
        assert!(begun.elapsed() < LIMIT, "it did not happen in time");
        thread::yield_now();
    }
}
