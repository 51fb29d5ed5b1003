use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

/// How many statements are under way before questions wait for the end of one.
const AT_ONCE: usize = 2;

/// How many questions one statement asks at most.
const MOST: usize = 64;

/// How long a statement keeps questions waiting, and how long a question does without
/// another way to its answer: nothing says that whoever has a turn is ever polled again.
const PATIENCE: Duration = Duration::from_millis(250);

/// Asks questions one by one as long as they come one by one, and those together that
/// come while others are being answered.
///
/// Most of what a question costs is to begin with it: eight in one statement cost twice
/// what one does. Each is still asked after it came, so its answer is no older than if it
/// were asked alone.
pub(super) struct Together<Q, A>(Arc<Shared<Q, A>>);

/// Answers questions in their order, or gives up on all of them.
type AskAll<Q, A> =
    dyn Fn(Vec<Q>) -> Pin<Box<dyn Future<Output = Option<Vec<A>>> + Send>> + Send + Sync;

struct Shared<Q, A> {
    ask_all: Box<AskAll<Q, A>>,
    line: Mutex<Line<Q, A>>,
}

struct Line<Q, A> {
    /// By their numbers, and since when.
    turns: Vec<(u64, Instant)>,
    /// How many there have been.
    number: u64,
    waiting: VecDeque<Waiting<Q, A>>,
}

struct Waiting<Q, A> {
    question: Q,
    answer: oneshot::Sender<A>,
    /// Of whoever waits: the one that is surely driven.
    runtime: Handle,
}

impl<Q: Send + 'static, A: Send + 'static> Together<Q, A> {
    pub(super) fn new(
        ask_all: impl Fn(Vec<Q>) -> Pin<Box<dyn Future<Output = Option<Vec<A>>> + Send>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let line = Mutex::new(Line { turns: Vec::new(), number: 0, waiting: VecDeque::new() });
        Self(Arc::new(Shared { ask_all: Box::new(ask_all), line }))
    }

    /// The answer to `question`, to which `alone` is another way. That is taken if nobody
    /// else asks; if together it fails, for that may be due to any of the questions; and
    /// also, if together it takes too long.
    pub(super) async fn ask<E>(
        &self,
        question: Q,
        alone: impl Future<Output = Result<A, E>>,
    ) -> Result<A, E> {
        let mut coming = match self.enter(question) {
            Entered::First(_turn) => return alone.await,
            Entered::Waits(coming) => coming,
        };
        match timeout(PATIENCE, &mut coming).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(_)) => return alone.await,
            Err(_) => {}
        }
        let (mut coming, mut alone) = (Some(coming), pin!(alone));
        poll_fn(|context| {
            if let Some(answer) = &mut coming {
                match Pin::new(answer).poll(context) {
                    Poll::Ready(Ok(answer)) => return Poll::Ready(Ok(answer)),
                    Poll::Ready(Err(_)) => coming = None,
                    Poll::Pending => {}
                }
            }
            alone.as_mut().poll(context)
        })
        .await
    }

    fn enter(&self, question: Q) -> Entered<Q, A> {
        let runtime = Handle::current();
        let mut line = self.0.lock();
        let young = line.turns.iter().filter(|(_, since)| since.elapsed() < PATIENCE);
        if young.count() < AT_ONCE {
            return Entered::First(Turn::begin(&self.0, &mut line));
        }
        while line.waiting.front().is_some_and(Waiting::is_over) {
            line.waiting.pop_front();
        }
        let (answer, coming) = oneshot::channel();
        line.waiting.push_back(Waiting { question, answer, runtime });
        Entered::Waits(coming)
    }
}

impl<Q, A> Clone for Together<Q, A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Q, A> Shared<Q, A> {
    fn lock(&self) -> MutexGuard<'_, Line<Q, A>> {
        // Whatever is done under the lock is done whole.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Q, A> Waiting<Q, A> {
    /// Whether nobody waits any longer.
    fn is_over(&self) -> bool {
        self.answer.is_closed()
    }
}

enum Entered<Q: Send + 'static, A: Send + 'static> {
    First(Turn<Q, A>),
    Waits(oneshot::Receiver<A>),
}

/// One of the statements that are under way. However it ends, those who have waited for it
/// are next.
struct Turn<Q: Send + 'static, A: Send + 'static> {
    shared: Arc<Shared<Q, A>>,
    number: u64,
}

impl<Q: Send + 'static, A: Send + 'static> Turn<Q, A> {
    fn begin(shared: &Arc<Shared<Q, A>>, line: &mut Line<Q, A>) -> Self {
        line.number += 1;
        line.turns.push((line.number, Instant::now()));
        Self { shared: shared.clone(), number: line.number }
    }

    async fn answer(self, waiting: Vec<Waiting<Q, A>>) {
        let waiting = waiting.into_iter().map(|one| (one.question, one.answer));
        let (questions, waiting): (Vec<_>, Vec<_>) = waiting.unzip();
        if let Some(answers) = (self.shared.ask_all)(questions).await {
            for (who, answer) in waiting.into_iter().zip(answers) {
                // Whoever does not wait any longer needs no answer.
                let _ = who.send(answer);
            }
        }
        // Those who were answered may have the next question.
        tokio::task::yield_now().await;
    }
}

impl<Q: Send + 'static, A: Send + 'static> Drop for Turn<Q, A> {
    fn drop(&mut self) {
        let mut line = self.shared.lock();
        line.turns.retain(|(number, _)| *number != self.number);
        line.waiting.retain(|waiting| !waiting.is_over());
        let many = line.waiting.len().min(MOST);
        let next: Vec<_> = line.waiting.drain(..many).collect();
        let Some(runtime) = next.first().map(|first| first.runtime.clone()) else { return };
        let turn = Self::begin(&self.shared, &mut line);
        drop(line);
        runtime.spawn(turn.answer(next));
    }
}

#[cfg(test)]
mod tests;
