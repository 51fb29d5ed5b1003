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
            Err(cancelled) => Err(PackageError::io("", std::io::Error::other(cancelled)).into()),
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
