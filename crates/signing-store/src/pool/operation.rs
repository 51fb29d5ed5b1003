use std::panic;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{timeout, timeout_at};

use crate::backend::deadline::Deadline;
use crate::error::StoreError;

pub(crate) type Operation<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// Runs a question in its caller's task, which saves the way to another thread and back.
pub(crate) async fn read_in_time<T: Send + 'static>(
    after: Duration,
    operation: Operation<T>,
) -> Result<T, StoreError> {
    let late = StoreError::TimedOut { after };
    timeout(after, Detached::new(operation)).await.unwrap_or(Err(late))
}

/// Runs a change in a task of its own: it holds locks that everybody else waits for, and
/// goes on whether or not its caller does.
pub(crate) async fn run_to_the_end<T: Send + 'static>(
    deadline: Deadline,
    operation: Operation<T>,
) -> Result<T, StoreError> {
    let task = tokio::spawn(operation);
    match timeout_at(deadline.at, task).await {
        Ok(Ok(result)) => result,
        Ok(Err(failed)) => match failed.try_into_panic() {
            Ok(reason) => panic::resume_unwind(reason),
            // The runtime ends.
            Err(cancelled) => Err(StoreError::OutcomeUnknown(cancelled.into())),
        },
        Err(_) => Err(deadline.give_up()),
    }
}

/// A question that goes on in a task of its own when its caller drops it: otherwise its
/// connection would stay in the middle of an answer. A question that is neither polled nor
/// dropped occupies one connection, and blocks nothing else.
struct Detached<T: Send + 'static> {
    operation: Option<Operation<T>>,
    runtime: Handle,
}

impl<T: Send + 'static> Detached<T> {
    fn new(operation: Operation<T>) -> Self {
        Self { operation: Some(operation), runtime: Handle::current() }
    }
}

impl<T: Send + 'static> Future for Detached<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Taken out meanwhile: one that panics is not polled again.
        let Some(mut operation) = self.operation.take() else { return Poll::Pending };
        let polled = operation.as_mut().poll(context);
        if polled.is_pending() {
            self.operation = Some(operation);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Detached<T> {
    fn drop(&mut self) {
        if let Some(operation) = self.operation.take() {
            self.runtime.spawn(operation);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn change_goes_on_when_its_caller_neither_waits_nor_goes() {
        let (done, is_done) = tokio::sync::oneshot::channel();
        let operation: Operation<()> = Box::pin(async move {
            tokio::task::yield_now().await;
            done.send(()).unwrap();
            Ok(())
        });
        let mut held = Box::pin(run_to_the_end(Deadline::new(LONG), operation));
        let polled = std::future::poll_fn(|context| Poll::Ready(held.as_mut().poll(context))).await;
        assert!(polled.is_pending());
        timeout(LONG, is_done).await.unwrap().unwrap();
        held.await.unwrap();
    }

    #[tokio::test]
    #[should_panic(expected = "in its own words")]
    async fn change_that_panics_does_so_in_its_callers_task() {
        let operation: Operation<()> = Box::pin(async { panic!("in its own words") });
        let _ = run_to_the_end(Deadline::new(LONG), operation).await;
    }
}
