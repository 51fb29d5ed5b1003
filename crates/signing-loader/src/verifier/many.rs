//! Several packages at once: as many as there are processors, answered in the order given.

use std::collections::VecDeque;
use std::iter::Fuse;
use std::num::NonZero;
use std::panic::resume_unwind;
#[cfg(feature = "store")]
use std::pin::Pin;
use std::thread::{self, JoinHandle};

use super::Verifier;
use crate::error::PackageError;
use crate::package::Package;
use crate::report::VerificationReport;
#[cfg(feature = "store")]
use crate::trust_source::Online;
use crate::trust_source::{Offline, at_once};
use crate::verified::VerifiedPackage;

impl Verifier<Offline> {
    /// Verifies packages as [`verify`](Self::verify) does, on all processors, and answers in
    /// the order given.
    ///
    /// Besides the packages that the caller keeps, it holds one for each processor: it goes on
    /// as the caller takes the answers. Each is in memory, of at most
    /// [`max_package_size`](crate::VerificationConfig::max_package_size). When the iterator is dropped,
    /// no further package is begun; those that were are read to their end.
    ///
    /// ```
    /// # use signing_loader::{SigningKey, Verifier};
    /// use signing_loader::error_with_sources;
    ///
    /// # let verifier = Verifier::pinned(SigningKey::generate()?.verifying_key());
    /// for package in verifier.verify_all(["plugins/a.so", "plugins/b.so"]) {
    ///     match package {
    ///         Ok(package) => println!("{}", package.report().name()),
    ///         Err(refusal) => println!("refused: {}", error_with_sources(&refusal)),
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify_all<I: IntoIterator<Item: Into<Package>>>(
        &self,
        packages: I,
    ) -> impl Iterator<Item = Result<VerifiedPackage<Offline>, PackageError>> + use<I> {
        let verifier = self.clone();
        let verify = move |package| {
            let verifier = verifier.clone();
            move || verifier.verify(package)
        };
        // It asks trust again at each use.
        in_order(packages, verify, |_| Ok(()))
    }

    /// Verifies packages as [`check`](Self::check) does, on all processors, and answers in the
    /// order given. Trust is asked again as each answer is given, because the package may have
    /// been looked at long before.
    pub fn check_all<I: IntoIterator<Item: Into<Package>>>(
        &self,
        packages: I,
    ) -> impl Iterator<Item = Result<VerificationReport, PackageError>> + use<I> {
        let (verifier, again) = (self.clone(), self.clone());
        let check = move |package| {
            let verifier = verifier.clone();
            move || verifier.check(package)
        };
        in_order(packages, check, move |report| at_once(again.check_again(report)))
    }
}

/// How many packages are looked at at once.
fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Packages that are worked on ahead, each in a thread, as far as there are processors.
struct InOrder<I, F, G, T> {
    packages: Fuse<I>,
    work: F,
    /// Done with a good answer when it is given.
    confirm: G,
    ahead: VecDeque<Ahead<T>>,
    limit: usize,
}

/// A thread, or why it could not be started.
type Ahead<T> = Result<JoinHandle<Result<T, PackageError>>, PackageError>;

fn in_order<P, I, W, T>(
    packages: I,
    work: impl Fn(Package) -> W,
    confirm: impl Fn(&mut T) -> Result<(), PackageError>,
) -> impl Iterator<Item = Result<T, PackageError>>
where
    I: IntoIterator<Item = P>,
    P: Into<Package>,
    W: FnOnce() -> Result<T, PackageError> + Send + 'static,
    T: Send + 'static,
{
    let packages = packages.into_iter().fuse();
    InOrder { packages, work, confirm, ahead: VecDeque::new(), limit: processors() }
}

impl<P, I, F, G, W, T> Iterator for InOrder<I, F, G, T>
where
    I: Iterator<Item = P>,
    P: Into<Package>,
    F: Fn(Package) -> W,
    G: Fn(&mut T) -> Result<(), PackageError>,
    W: FnOnce() -> Result<T, PackageError> + Send + 'static,
    T: Send + 'static,
{
    type Item = Result<T, PackageError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ahead.len() < self.limit
            && let Some(package) = self.packages.next()
        {
            let package = package.into();
            let place = package.place();
            let thread = thread::Builder::new().spawn((self.work)(package));
            self.ahead.push_back(thread.map_err(|source| PackageError::io(place, source)));
        }
        let answer = self.ahead.pop_front()?.and_then(|thread| match thread.join() {
            Ok(answer) => answer,
            Err(panic) => resume_unwind(panic),
        });
        Some(answer.and_then(|mut answer| (self.confirm)(&mut answer).map(|()| answer)))
    }
}

/// The answers about several packages, by a verifier with a store: see
/// [`Verifier::verify_all`](Verifier<Online>::verify_all).
#[cfg(feature = "store")]
#[must_use = "nothing is verified until it is asked for"]
#[derive(Debug)]
pub struct VerifyAll<I, T> {
    verifier: Verifier<Online>,
    packages: Fuse<I>,
    work: Work<T>,
    confirm: Confirm<T>,
    ahead: VecDeque<AbortedOnDrop<T>>,
    /// To be confirmed.
    answered: Option<T>,
    limit: usize,
}

/// What is done with each package.
#[cfg(feature = "store")]
type Work<T> = fn(Verifier<Online>, Package) -> BoxedAnswer<T>;

/// What is done with a good answer when it is given.
#[cfg(feature = "store")]
type Confirm<T> = for<'a> fn(&'a Verifier<Online>, &'a mut T) -> Confirmation<'a>;

#[cfg(feature = "store")]
type Confirmation<'a> = Pin<Box<dyn Future<Output = Result<(), PackageError>> + Send + 'a>>;

/// A task that ends with this value, if it has not ended yet.
#[cfg(feature = "store")]
#[derive(Debug)]
struct AbortedOnDrop<T>(tokio::task::JoinHandle<Result<T, PackageError>>);

#[cfg(feature = "store")]
impl<T> Drop for AbortedOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(feature = "store")]
type BoxedAnswer<T> = Pin<Box<dyn Future<Output = Result<T, PackageError>> + Send>>;

#[cfg(feature = "store")]
impl Verifier<Online> {
    /// Verifies packages as [`verify`](Self::verify) does, as many at once as there are
    /// processors, and answers in the order given.
    ///
    /// Besides the packages that the caller keeps, it holds one for each processor: it goes on
    /// as the caller takes the answers. Each is in memory, of at most
    /// [`max_package_size`](crate::VerificationConfig::max_package_size), also an unsigned
    /// one: the store is asked for signatures by digest. When this value is dropped, no
    /// further package is begun, and nothing more is asked about those that were.
    ///
    /// ```no_run
    /// use signing_loader::error_with_sources;
    ///
    /// # async fn example(verifier: signing_loader::Verifier<signing_loader::Online>) {
    /// let mut packages = verifier.verify_all(["plugins/a.so", "plugins/b.so"]);
    /// while let Some(package) = packages.next().await {
    ///     match package {
    ///         Ok(package) => println!("{}", package.report().name()),
    ///         Err(refusal) => println!("refused: {}", error_with_sources(&refusal)),
    ///     }
    /// }
    /// # }
    /// ```
    pub fn verify_all<I: IntoIterator<Item: Into<Package>>>(
        &self,
        packages: I,
    ) -> VerifyAll<I::IntoIter, VerifiedPackage<Online>> {
        let verify: Work<_> =
            |verifier, package| Box::pin(async move { verifier.verify(package).await });
        // It asks trust again at each use.
        self.all(packages, verify, |_, _| Box::pin(async { Ok(()) }))
    }

    /// Verifies packages as [`check`](Self::check) does, as many at once as there are
    /// processors, and answers in the order given. Trust is asked again as each answer is given,
    /// because the package may have been looked at long before.
    pub fn check_all<I: IntoIterator<Item: Into<Package>>>(
        &self,
        packages: I,
    ) -> VerifyAll<I::IntoIter, VerificationReport> {
        let check: Work<_> =
            |verifier, package| Box::pin(async move { verifier.check(package).await });
        self.all(packages, check, |verifier, report| Box::pin(verifier.check_again(report)))
    }

    fn all<I: IntoIterator, T>(
        &self,
        packages: I,
        work: Work<T>,
        confirm: Confirm<T>,
    ) -> VerifyAll<I::IntoIter, T> {
        let packages = packages.into_iter().fuse();
        let (verifier, ahead) = (self.clone(), VecDeque::new());
        VerifyAll { verifier, packages, work, confirm, ahead, answered: None, limit: processors() }
    }
}

#[cfg(feature = "store")]
impl<I, T> VerifyAll<I, T>
where
    I: Iterator<Item: Into<Package>>,
    T: Send + 'static,
{
    /// The next answer, in the order in which the packages were given; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<T, PackageError>> {
        while self.ahead.len() < self.limit
            && let Some(package) = self.packages.next()
        {
            let answer = (self.work)(self.verifier.clone(), package.into());
            self.ahead.push_back(AbortedOnDrop(tokio::spawn(answer)));
        }
        // Each stays where it is while it is waited for: the caller may stop and ask again.
        if self.answered.is_none() {
            let answer = (&mut self.ahead.front_mut()?.0).await;
            self.ahead.pop_front();
            match answer {
                Ok(Ok(answer)) => self.answered = Some(answer),
                Ok(Err(error)) => return Some(Err(error)),
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => resume_unwind(panic),
                    Err(_) => return Some(Err(PackageError::Cancelled)),
                },
            }
        }
        let confirmed = (self.confirm)(&self.verifier, self.answered.as_mut()?).await;
        let answer = self.answered.take()?;
        Some(confirmed.map(|()| answer))
    }
}

#[cfg(test)]
#[cfg(feature = "private-keys")]
mod tests {
    use std::cell::Cell;
    use std::path::{Path, PathBuf};

    use chrono::{TimeDelta, Utc};
    use signing_crypto::{PackageDigest, SignatureEnvelope, SigningKey, StatementTime};
    use signing_trust::acceptance::VerificationError;

    use super::*;
    use crate::sign::{package_statement, sign_package};

    /// Signed packages, the first the largest, of which every third was changed afterwards.
    fn packages(directory: &Path, key: &SigningKey, count: usize) -> Vec<PathBuf> {
        let package = |number: usize| {
            let path = directory.join(format!("package-{number}.so"));
            std::fs::write(&path, vec![number as u8; (count - number) << 14]).unwrap();
            let signature = sign_package(&path, key).unwrap();
            std::fs::write(path.with_extension("so.sig"), signature.to_json()).unwrap();
            if number % 3 == 2 {
                std::fs::write(&path, vec![0xff; (count - number) << 14]).unwrap();
            }
            path
        };
        (0..count).map(package).collect()
    }

    #[test]
    fn every_package_is_answered_in_the_order_given() {
        let directory = tempfile::tempdir().unwrap();
        let key = SigningKey::generate().unwrap();
        let paths = packages(directory.path(), &key, 20);
        let verifier = Verifier::pinned(key.verifying_key());

        let checked: Vec<_> = verifier.check_all(&paths).collect();
        let verified: Vec<_> = verifier.verify_all(&paths).collect();
        assert_eq!((checked.len(), verified.len()), (20, 20));
        for (number, (checked, verified)) in checked.iter().zip(verified).enumerate() {
            assert_eq!(checked.is_ok(), number % 3 != 2, "{checked:?}");
            assert_eq!(verified.is_ok(), number % 3 != 2, "{verified:?}");
            if let (Ok(report), Ok(package)) = (checked, verified) {
                let name = format!("package-{number}.so");
                assert_eq!(report.name().as_str(), name);
                let digest = PackageDigest::of_reader(package.as_bytes().unwrap()).unwrap();
                assert_eq!(*report.digest(), digest.digest);
            }
        }
    }

    /// Both were looked at before. The first is given in time, the second is not.
    #[test]
    fn an_answer_is_not_older_than_the_moment_when_it_is_given() {
        let directory = tempfile::tempdir().unwrap();
        let key = SigningKey::generate().unwrap();
        let expiry = Utc::now() + TimeDelta::seconds(3);
        let expiry: StatementTime = expiry.format("%FT%TZ").to_string().parse().unwrap();
        let paths = ["first.so", "second.so"].map(|name| {
            let path = directory.path().join(name);
            std::fs::write(&path, name).unwrap();
            let statement = package_statement(&path).unwrap().with_expiry(expiry);
            let signature = SignatureEnvelope::sign(&statement, &key).to_json();
            std::fs::write(path.with_extension("so.sig"), signature).unwrap();
            path
        });
        let verifier = Verifier::pinned(key.verifying_key());
        let mut checks = verifier.check_all(&paths);
        assert_eq!(checks.next().unwrap().unwrap().name().as_str(), "first.so");
        while Utc::now() < expiry.to_utc() {
            thread::yield_now();
        }
        let answer = checks.next().unwrap();
        assert!(
            matches!(answer, Err(PackageError::Verification(VerificationError::Expired { .. }))),
            "{answer:?}"
        );
    }

    #[cfg(feature = "store")]
    #[tokio::test]
    async fn a_package_is_not_asked_about_when_nobody_waits_for_the_answer() {
        let (dropped, is_dropped) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let _dropped = dropped;
            std::future::pending::<Result<(), PackageError>>().await
        });
        drop(AbortedOnDrop(task));
        assert!(is_dropped.await.is_err());
    }

    #[test]
    fn no_more_packages_are_held_than_there_are_processors() {
        let directory = tempfile::tempdir().unwrap();
        let key = SigningKey::generate().unwrap();
        let paths = packages(directory.path(), &key, processors() + 5);
        let taken = Cell::new(0);
        let counted = paths.iter().inspect(|_| taken.set(taken.get() + 1));
        let mut answers = Verifier::pinned(key.verifying_key()).verify_all(counted);
        assert_eq!(taken.get(), 0);
        for answered in 0..5 {
            assert_eq!(answers.next().unwrap().is_ok(), answered % 3 != 2);
            assert_eq!(taken.get() - answered, processors());
        }
        assert_eq!(answers.count(), processors());
    }
}
