//! Equal bytes are loaded once, and shared by every package that has them.
//!
//! No lock is held while the dynamic linker works, because a package's constructors may load
//! packages, in this thread or in others. Nor does a load wait for another one: the linker has
//! a lock of its own, which a constructor holds, so the two could wait for each other.
//! Instead, loads of equal bytes hand the linker the same file. It knows a library by the
//! device and inode of its file, so it maps the first and gives the same library to the others:
//! to another thread when the constructors have ended, and to a constructor at once.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use signing_crypto::PackageDigest;

use super::dylib::{Library, LibraryId};
use crate::error::LoadError;
use crate::sealed::SealedPackage;

static SHARED: Mutex<BTreeMap<PackageDigest, Shared>> = Mutex::new(BTreeMap::new());

/// What is known of some bytes.
enum Shared {
    /// They are being loaded, from this copy.
    Loading(Weak<SealedPackage>),
    /// They are part of this process, for good.
    Loaded(&'static Library),
}

/// Loads the sealed bytes, unless they are loaded. Then the copy is dropped.
///
/// Where there is no `/proc`, what is loaded twice at the same time is mapped twice.
///
/// # Errors
///
/// As [`Library::load`]. A load that failed is not remembered.
pub(super) fn load(sealed: SealedPackage) -> Result<&'static Library, LoadError> {
    let digest = sealed.content().digest;
    let sealed = match begin(sealed) {
        Begun::Loaded(library) => return Ok(library),
        Begun::Loading(sealed) => sealed,
    };
    match Library::load(sealed.clone()) {
        Ok(library) => Ok(loaded(digest, library)),
        Err(error) => {
            failed(digest, sealed);
            Err(error)
        }
    }
}

/// The packages of this process, verified or not, and those of which a load has got so far that
/// the linker knows them. The caller holds no lock, as for [`find`](super::dylib::find).
pub(super) fn packages() -> Vec<LibraryId> {
    let (mut packages, mut loading) = (Vec::new(), Vec::new());
    for shared in lock().values() {
        match shared {
            Shared::Loaded(library) => packages.push(library.id()),
            Shared::Loading(sealed) => loading.extend(sealed.upgrade()),
        }
    }
    packages.extend(loading.iter().filter_map(|sealed| Library::mapped_from(sealed)));
    packages
}

enum Begun {
    Loaded(&'static Library),
    /// The copy to hand to the linker.
    Loading(Arc<SealedPackage>),
}

fn begin(sealed: SealedPackage) -> Begun {
    match lock().entry(sealed.content().digest) {
        Entry::Occupied(mut entry) => match entry.get() {
            Shared::Loaded(library) => Begun::Loaded(library),
            Shared::Loading(other) => Begun::Loading(other.upgrade().unwrap_or_else(|| {
                let sealed = Arc::new(sealed);
                entry.insert(Shared::Loading(Arc::downgrade(&sealed)));
                sealed
            })),
        },
        Entry::Vacant(entry) => {
            let sealed = Arc::new(sealed);
            entry.insert(Shared::Loading(Arc::downgrade(&sealed)));
            Begun::Loading(sealed)
        }
    }
}

/// Of loads at the same time, the first to end is the one that is remembered.
fn loaded(digest: PackageDigest, library: Library) -> &'static Library {
    let mut shared = lock();
    if let Some(Shared::Loaded(library)) = shared.get(&digest) {
        return library;
    }
    let library: &'static Library = Box::leak(Box::new(library));
    shared.insert(digest, Shared::Loaded(library));
    library
}

/// Another load of the same copy may still succeed.
fn failed(digest: PackageDigest, sealed: Arc<SealedPackage>) {
    let mut shared = lock();
    drop(sealed);
    if let Some(Shared::Loading(sealed)) = shared.get(&digest)
        && sealed.strong_count() == 0
    {
        shared.remove(&digest);
    }
}

fn lock() -> MutexGuard<'static, BTreeMap<PackageDigest, Shared>> {
    SHARED.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
