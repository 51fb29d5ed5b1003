use crate::error::PackageError;

/// Works on a thread where waiting does not block the runtime.
#[cfg(feature = "store")]
pub(crate) async fn blocking<T: Send + 'static, E: From<PackageError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
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

    use super::*;

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
