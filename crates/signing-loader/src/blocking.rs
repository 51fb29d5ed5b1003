#[cfg(feature = "store")]
use tracing::{Span, dispatcher};

use crate::error::PackageError;

/// Works on a thread where waiting does not block the runtime. Events go to the caller's
/// subscriber, in the caller's span.
#[cfg(feature = "store")]
pub(crate) async fn blocking<T: Send + 'static, E: From<PackageError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    let (subscriber, span) = (dispatcher::get_default(Clone::clone), Span::current());
    let work = move || dispatcher::with_default(&subscriber, || span.in_scope(work));
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(PackageError::Cancelled.into()),
        },
    }
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
            runtime.block_on(blocking(is_heard)).unwrap()
        });
        assert_eq!(found, (true, Some("request")));
        assert_eq!(runtime.block_on(blocking(is_heard)).unwrap(), (false, None));
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
