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
use crate::trust_source::Offline;
#[cfg(feature = "store")]
use crate::trust_source::Online;
use crate::verified::VerifiedPackage;

impl Verifier<Offline> {
    /// Verifies packages as [`verify`](Self::verify) does, on all processors, and answers in
    /// the order given.
    ///
    /// Besides the packages that the caller keeps, it holds one for each processor: it goes on
    /// as the caller takes the answers.
    ///
    /// ```
    /// # use signing_loader::{PackageError, SigningKey, Verifier};
    /// # let verifier = Verifier::pinned(SigningKey::generate()?.verifying_key());
    /// for package in verifier.verify_all(["plugins/a.so", "plugins/b.so"]) {
    ///     match package {
    ///         Ok(package) => println!("{}", package.report().name()),
    ///         Err(refusal) => println!("refused: {refusal}"),
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify_all<I: IntoIterator<Item: Into<Package>>>(
        &self,
        packages: I,
    ) -> impl Iterator<Item = Result<VerifiedPackage<Offline>, PackageError>> + use<I> {
        let verifier = self.clone();
        in_order(packages, move |package| {
            let verifier = verifier.clone();
            move || verifier.verify(package)
        })
    }

    /// Verifies packages as [`check`](Self::check) does, on all processors, and answers in the
    /// order given.
    pub fn check_all<I: IntoIterator<Item: Into<Package>>>(
        &self,
        packages: I,
    ) -> impl Iterator<Item = Result<VerificationReport, PackageError>> + use<I> {
        let verifier = self.clone();
        in_order(packages, move |package| {
            let verifier = verifier.clone();
            move || verifier.check(package)
        })
    }
}

/// How many packages are looked at at once.
fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Packages that are worked on ahead, each in a thread, as far as there are processors.
struct InOrder<I, F, T> {
    packages: Fuse<I>,
    work: F,
    ahead: VecDeque<Ahead<T>>,
    limit: usize,
}

/// A thread, or why there is none.
type Ahead<T> = Result<JoinHandle<Result<T, PackageError>>, PackageError>;

fn in_order<P, I, W, T>(
    packages: I,
    work: impl Fn(Package) -> W,
) -> impl Iterator<Item = Result<T, PackageError>>
where
    I: IntoIterator<Item = P>,
    P: Into<Package>,
    W: FnOnce() -> Result<T, PackageError> + Send + 'static,
    T: Send + 'static,
{
    let packages = packages.into_iter().fuse();
    InOrder { packages, work, ahead: VecDeque::new(), limit: processors() }
}

impl<P, I, F, W, T> Iterator for InOrder<I, F, T>
where
    I: Iterator<Item = P>,
    P: Into<Package>,
    F: Fn(Package) -> W,
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
        Some(self.ahead.pop_front()?.and_then(|thread| match thread.join() {
            Ok(answer) => answer,
            Err(panic) => resume_unwind(panic),
        }))
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
    ahead: VecDeque<tokio::task::JoinHandle<Result<T, PackageError>>>,
    limit: usize,
}

/// What is done with each package.
#[cfg(feature = "store")]
type Work<T> = fn(Verifier<Online>, Package) -> BoxedAnswer<T>;

#[cfg(feature = "store")]
type BoxedAnswer<T> = Pin<Box<dyn Future<Output = Result<T, PackageError>> + Send>>;

#[cfg(feature = "store")]
impl Verifier<Online> {
    /// Verifies packages as [`verify`](Self::verify) does, as many at once as there are
    /// processors, and answers in the order given.
    ///
    /// Besides the packages that the caller keeps, it holds one for each processor: it goes on
    /// as the caller takes the answers.
    ///
    /// ```no_run
    /// # async fn example(verifier: signing_loader::Verifier<signing_loader::Online>) {
    /// let mut packages = verifier.verify_all(["plugins/a.so", "plugins/b.so"]);
    /// while let Some(package) = packages.next().await {
    ///     match package {
    ///         Ok(package) => println!("{}", package.report().name()),
    ///         Err(refusal) => println!("refused: {refusal}"),
    ///     }
    /// }
    /// # }
    /// ```
    pub fn verify_all<I: IntoIterator<Item: Into<Package>>>(
        &self,
        packages: I,
    ) -> VerifyAll<I::IntoIter, VerifiedPackage<Online>> {
        self.all(packages, |verifier, package| {
            Box::pin(async move { verifier.verify(package).await })
        })
    }

    /// Verifies packages as [`check`](Self::check) does, as many at once as there are
    /// processors, and answers in the order given.
    pub fn check_all<I: IntoIterator<Item: Into<Package>>>(
        &self,
        packages: I,
    ) -> VerifyAll<I::IntoIter, VerificationReport> {
        self.all(packages, |verifier, package| {
            Box::pin(async move { verifier.check(package).await })
        })
    }

    fn all<I: IntoIterator, T>(&self, packages: I, work: Work<T>) -> VerifyAll<I::IntoIter, T> {
        let packages = packages.into_iter().fuse();
        let (verifier, ahead) = (self.clone(), VecDeque::new());
        VerifyAll { verifier, packages, work, ahead, limit: processors() }
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
            self.ahead.push_back(tokio::spawn(answer));
        }
        // Stays in the queue while it is waited for: the caller may stop and ask again.
        let answer = self.ahead.front_mut()?.await;
        self.ahead.pop_front();
        Some(answer.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(cancelled) => Err(PackageError::io("", std::io::Error::other(cancelled))),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::path::{Path, PathBuf};

    use signing_crypto::{PackageDigest, SigningKey};

    use super::*;
    use crate::sign::sign_package;

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
