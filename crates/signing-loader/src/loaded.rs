//! What a process has loaded, and whether it is still trusted.

mod error;
mod following;
mod gate;
mod origin;
mod package;
mod staleness;
mod threads;

use std::sync::Arc;
use std::thread::Thread;

use crate::package::Package;
use crate::trust_source::Online;
use crate::verifier::Verifier;

use self::following::{Enforcement, Following};
use self::origin::Origin;

pub use self::error::{FollowError, GateError};
pub use self::following::TrustChange;
pub use self::package::{Call, FollowedPackage, Standing};
pub use self::staleness::{MaxStaleness, MaxStalenessError};

/// The packages that a process has loaded, by whom they were signed and by which grant, and
/// whether they are still trusted.
///
/// Each of them is decided about again whenever trust changes, and once a second at least, as
/// signatures, trust and documents expire. A thread of its own does this, over connections of
/// its own: no task of the program can hold it up. What is to happen to a package that is no
/// longer trusted is chosen when this is made:
///
/// - [`deny_new`](Self::deny_new) reports it. New loads are refused by the verifier anyway.
/// - [`gate`](Self::gate) refuses calls that go through [`enter`](FollowedPackage::enter).
/// - [`call_back`](Self::call_back) leaves it to a function of the program.
///
/// Nothing is unloaded. Code that has run may have left threads, callbacks and destructors
/// behind that would then point nowhere, and no one can tell that it has not. For the same
/// reason a gate guards the entry points that the program calls, and nothing else: it stops no
/// call that is in flight, and no thread that the package has started. A package that links
/// against another one calls it without asking, so its own gate closes when that one's trust ends.
///
/// Clones follow the same packages. When the last one is dropped, the threads end, and nothing
/// finds out any more what is trusted. Then, and also if one of the threads panics, every gate of
/// [`gate`](Self::gate) closes, for [`GateError::NotFollowed`].
///
/// A process that is forked from this one has a copy of the packages, and nothing that follows
/// trust in them. There, `load` and `enter` are refused, for [`GateError::Forked`]; what was handed
/// out before is as it was. Such a process may do little before it calls `exec`: see fork(2).
///
/// A [`Verifier<Offline>`](crate::Offline) has nothing to follow: nothing revokes a pinned key,
/// and a bundle is a value that does not change.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use signing_loader::{LoadedPackages, MaxStaleness, StoreReader, Verifier};
///
/// let store = StoreReader::open(&"postgres://runner@db.example/trust".parse()?).await?;
/// let verifier = Verifier::organization(&store, "acme".parse()?).await?;
/// let loaded = LoadedPackages::gate(&verifier, MaxStaleness::new(Duration::from_secs(30))?)?;
///
/// let package = loaded.load("plugins/libworkflow.so").await?;
/// let call = package.enter()?;
/// // … call what `call.symbol` finds, and keep `call` until it has returned.
/// drop(call);
///
/// for package in loaded.packages() {
///     println!("{}: {:?}", package.report().name(), package.standing());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LoadedPackages {
    verifier: Verifier<Online>,
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    following: Arc<Following>,
    watchdog: Thread,
    origin: Origin,
}

impl LoadedPackages {
    /// Only reports which packages are no longer trusted: in the audit log, and by
    /// [`packages`](Self::packages). That the store does not answer is reported after the
    /// default of [`MaxStaleness`].
    ///
    /// # Errors
    ///
    /// [`FollowError::Trust`] or [`FollowError::Thread`].
    pub fn deny_new(verifier: &Verifier<Online>) -> Result<Self, FollowError> {
        Self::follow(verifier, MaxStaleness::default(), Enforcement::Report)
    }

    /// Closes the gate of each package that is no longer trusted, and opens it when the package
    /// is trusted again: the gate is the decision of today. It closes too when the store has
    /// not answered for longer than `max_staleness`.
    ///
    /// # Errors
    ///
    /// [`FollowError::Trust`] or [`FollowError::Thread`].
    pub fn gate(
        verifier: &Verifier<Online>,
        max_staleness: MaxStaleness,
    ) -> Result<Self, FollowError> {
        Self::follow(verifier, max_staleness, Enforcement::Gate)
    }

    /// Calls a function of the program for each package whose [`Standing`] becomes another one.
    /// No gate closes.
    ///
    /// The function is called in the threads that follow trust, also at the same time in both:
    /// [`FollowedPackage::standing`] says what is known last. While it runs, nothing is decided.
    /// If it panics, nothing is followed any more.
    ///
    /// # Errors
    ///
    /// [`FollowError::Trust`] or [`FollowError::Thread`].
    pub fn call_back(
        verifier: &Verifier<Online>,
        max_staleness: MaxStaleness,
        function: impl Fn(&TrustChange) + Send + Sync + 'static,
    ) -> Result<Self, FollowError> {
        Self::follow(verifier, max_staleness, Enforcement::CallBack(Box::new(function)))
    }

    /// Verifies a package, loads it, and follows trust in it from then on.
    ///
    /// It is decided about once more after it was registered, so that no change of trust can
    /// come in between. The same package, signed by the same keys, is followed once, however
    /// often it is loaded.
    ///
    /// The package's constructors run on a thread where waiting does not block the runtime. If
    /// this future is dropped meanwhile, the package is loaded and followed nevertheless.
    ///
    /// # Errors
    ///
    /// [`FollowError::Package`] if it was not loaded. [`FollowError::Gate`] if it was, and is
    /// no longer trusted, or cannot be called.
    pub async fn load(&self, package: impl Into<Package>) -> Result<FollowedPackage, FollowError> {
        if !self.handle.origin.is_here() {
            return Err(GateError::Forked.into());
        }
        let verified = self.verifier.verify(package).await?;
        let following = self.handle.following.clone();
        let followed = verified.load_for(move |package, report, providers| {
            following.register(package, report, providers)
        });
        let (followed, since) = followed.await?;
        if let Some(since) = since {
            followed.known_since(since).await;
        }
        followed.require_usable()?;
        Ok(FollowedPackage(followed))
    }

    /// Every package that was loaded through this, in the order of their first loads. None ever
    /// goes, because none is unloaded. In a process that was forked from the host none is followed,
    /// so there are none.
    pub fn packages(&self) -> Vec<FollowedPackage> {
        // Before the lock: a thread that is not in this process may have it.
        if !self.handle.origin.is_here() {
            return Vec::new();
        }
        self.handle.following.packages().into_iter().map(FollowedPackage).collect()
    }

    fn follow(
        verifier: &Verifier<Online>,
        max_staleness: MaxStaleness,
        enforcement: Enforcement,
    ) -> Result<Self, FollowError> {
        let Online { trust, org } = verifier.trust();
        let trust = trust.with_own_connections()?;
        let config = verifier.verification().clone();
        let following = Arc::new(Following::new(*org, config, max_staleness, enforcement));
        let watchdog = threads::start(&following, trust).map_err(FollowError::Thread)?;
        let handle = Handle { following, watchdog, origin: Origin::here() };
        Ok(Self { verifier: verifier.clone(), handle: Arc::new(handle) })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // In another process there is nothing to end, and a thread that is not there may have locked
        // what would be changed.
        if self.origin.is_here() {
            self.following.end();
            self.watchdog.unpark();
        }
    }
}
