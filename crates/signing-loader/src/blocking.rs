use crate::error::PackageError;

/// Reads files on a thread where waiting does not block the runtime.
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
