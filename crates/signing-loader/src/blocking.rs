#[cfg(feature = "store")]
use {
    crate::error::LoadError,
    std::panic::resume_unwind,
    std::thread,
    tokio::sync::oneshot,
    tokio::task::spawn_blocking,
    tracing::{Span, dispatcher},
};

use crate::error::PackageError;

/// Works on a thread where waiting does not block the runtime. Events go to the caller's
/// subscriber, in the caller's span.
#[cfg(feature = "store")]
pub(crate) async fn blocking<T: Send + 'static, E: From<PackageError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    match spawn_blocking(for_caller(work)).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => Err(PackageError::Cancelled.into()),
        },
    }
}

/// The same, on a thread that is started for it, so that it waits for no other work. It goes on if
/// its caller stops waiting.
#[cfg(feature = "store")]
pub(crate) async fn on_new_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PackageError> + Send + 'static,
) -> Result<T, PackageError> {
    let (tell, told) = oneshot::channel();
    let work = for_caller(work);
    let thread = thread::Builder::new().name("package-loader".into());
    let thread = thread.spawn(move || drop(tell.send(work()))).map_err(LoadError::Thread)?;
    match told.await {
        Ok(result) => result,
        Err(_) => match thread.join() {
            Err(panic) => resume_unwind(panic),
            Ok(()) => Err(PackageError::Cancelled),
        },
    }
}

/// The same work, with the caller's subscriber and span.
#[cfg(feature = "store")]
fn for_caller<R>(work: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let (subscriber, span) = (dispatcher::get_default(Clone::clone), Span::current());
    move || dispatcher::with_default(&subscriber, || span.in_scope(work))
}

/// Works on the caller's thread: without a store there may be no runtime.
#[cfg(not(feature = "store"))]
pub(crate) async fn blocking<T>(
    work: impl FnOnce() -> Result<T, PackageError>,
) -> Result<T, PackageError> {
    work()
}

#[cfg(all(test, feature = "store"))]
mod tests {
    use tokio::runtime::Builder;
    use tracing::{Dispatch, Metadata};
    use tracing_subscriber::Registry;

    use super::*;

    #[test]
    fn events_go_to_the_callers_subscriber_in_the_callers_span() {
        let is_heard = || {
            let span = Span::current().metadata().map(Metadata::name);
            let is_registry = dispatcher::get_default(Dispatch::is::<Registry>);
            Ok::<_, PackageError>((is_registry, span))
        };
        let runtime = Builder::new_current_thread().build().unwrap();
        let found = dispatcher::with_default(&Dispatch::new(Registry::default()), || {
            let _entered = tracing::info_span!("request").entered();
            [
                runtime.block_on(blocking(is_heard)).unwrap(),
                runtime.block_on(on_new_thread(is_heard)).unwrap(),
            ]
        });
        assert_eq!(found, [(true, Some("request")); 2]);
        assert_eq!(runtime.block_on(blocking(is_heard)).unwrap(), (false, None));
    }

    #[test]
    fn work_on_a_new_thread_does_not_wait_for_other_work() {
        let runtime = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        let (release, released) = std::sync::mpsc::channel::<()>();
        runtime.spawn_blocking(move || released.recv());
        let is_queued = runtime.spawn_blocking(|| ());

        assert_eq!(runtime.block_on(on_new_thread(|| Ok(7))).unwrap(), 7);
        assert!(!is_queued.is_finished());
        drop(release);
        runtime.block_on(is_queued).unwrap();
    }

    #[test]
    #[should_panic(expected = "the work panics")]
    fn panic_on_a_new_thread_is_the_callers() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let work = || -> Result<(), PackageError> { panic!("the work panics") };
        let _ = runtime.block_on(on_new_thread(work));
    }

    #[test]
    fn work_for_a_runtime_that_has_shut_down_is_cancelled() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let handle = runtime.handle().clone();
        let work = || blocking(|| Ok::<_, PackageError>(()));
        handle.block_on(work()).unwrap();

        runtime.shutdown_background();
        let outcome = handle.block_on(work());
        assert!(matches!(outcome, Err(PackageError::Cancelled)), "{outcome:?}");
    }
}
