//! Time is paused, and goes on only when there is nothing else to do.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::pending;
use std::task::{Context, Poll, Waker};

use tokio::runtime::Builder;
use tokio::sync::Notify;
use tokio::task::yield_now;

use super::*;

/// A statement about this one fails.
const FAILS: u32 = 13;
/// And one about this one panics.
const PANICS: u32 = 17;

/// Doubles numbers, and remembers which were asked about together.
struct Doubling {
    together: Together<u32, u32>,
    statements: Arc<Mutex<Vec<Vec<u32>>>>,
}

/// Somebody who asks.
type Asker<'a> = Pin<Box<dyn Future<Output = u32> + Send + 'a>>;

impl Doubling {
    fn new() -> Self {
        let statements = Arc::new(Mutex::new(Vec::new()));
        let shared = statements.clone();
        let together = Together::new(move |numbers: Vec<u32>| {
            shared.lock().unwrap().push(numbers.clone());
            let answers = numbers.iter().map(|number| number * 2).collect();
            Box::pin(async move {
                assert!(!numbers.contains(&PANICS), "as it is meant to");
                (!numbers.contains(&FAILS)).then_some(answers)
            })
        });
        Self { together, statements }
    }

    async fn ask(&self, number: u32) -> u32 {
        let alone = async { Ok::<_, Infallible>(number * 2) };
        self.together.ask(number, alone).await.unwrap()
    }

    /// Asks without an end.
    async fn hang(&self) -> u32 {
        self.together.ask(0, pending::<Result<u32, Infallible>>()).await.unwrap()
    }

    /// So many that everybody else has to wait.
    fn first(&self) -> Vec<Asker<'_>> {
        (0..AT_ONCE).map(|_| waiting(self.hang())).collect()
    }

    /// Waits until nothing is under way, and asserts that nobody is left waiting.
    async fn ends(&self) {
        while !self.together.0.lock().turns.is_empty() {
            yield_now().await;
        }
        assert!(self.together.0.lock().waiting.is_empty());
    }

    /// What was asked together, each statement sorted.
    fn statements(&self) -> Vec<Vec<u32>> {
        let mut statements = self.statements.lock().unwrap().clone();
        statements.iter_mut().for_each(|numbers| numbers.sort_unstable());
        statements
    }
}

/// Somebody who has asked, and has no answer yet.
fn waiting<'a>(asked: impl Future<Output = u32> + Send + 'a) -> Asker<'a> {
    let mut asked: Asker<'a> = Box::pin(asked);
    let polled = asked.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(polled, Poll::Pending);
    asked
}

#[tokio::test(start_paused = true)]
async fn questions_that_come_one_by_one_are_asked_one_by_one() {
    let doubling = Doubling::new();
    for number in 1..5 {
        assert_eq!(doubling.ask(number).await, number * 2);
    }
    assert!(doubling.statements().is_empty());
}

#[tokio::test(start_paused = true)]
async fn questions_that_come_meanwhile_are_asked_together_when_one_ends() {
    let doubling = Doubling::new();
    let mut first = doubling.first();
    let (three, four) = (waiting(doubling.ask(3)), waiting(doubling.ask(4)));
    assert!(doubling.statements().is_empty());
    // Cancelled, which is an end as well.
    drop(first.pop());
    assert_eq!((three.await, four.await), (6, 8));
    assert_eq!(doubling.statements(), [[3, 4]]);
}

#[tokio::test(start_paused = true)]
async fn question_whose_asker_has_gone_is_not_asked() {
    let doubling = Doubling::new();
    let first = doubling.first();
    let (three, four) = (waiting(doubling.ask(3)), waiting(doubling.ask(4)));
    drop((three, first));
    assert_eq!(four.await, 8);
    assert_eq!(doubling.statements(), [[4]]);
}

#[tokio::test(start_paused = true)]
async fn statement_that_fails_or_panics_keeps_no_question_from_its_answer() {
    for bad in [FAILS, PANICS] {
        let doubling = Doubling::new();
        let first = doubling.first();
        let (bad, four) = (waiting(doubling.ask(bad)), waiting(doubling.ask(4)));
        drop(first);
        let (bad, four) = (bad.await, four.await);
        assert!([2 * FAILS, 2 * PANICS].contains(&bad) && four == 8);
        assert_eq!(doubling.statements(), [[4, bad / 2]]);
        doubling.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn asker_that_panics_passes_its_turn_on() {
    let doubling = Arc::new(Doubling::new());
    let others = doubling.clone();
    let _one = waiting(doubling.hang());
    let panics = tokio::spawn(async move {
        let alone = async { panic!("as it is meant to") };
        others.together.ask::<Infallible>(1, alone).await
    });
    assert!(panics.await.unwrap_err().is_panic());
    assert_eq!(doubling.together.0.lock().turns.len(), 1);
    assert_eq!(doubling.ask(2).await, 4);
}

#[tokio::test(start_paused = true)]
async fn askers_that_are_not_polled_keep_nobody_from_an_answer() {
    let doubling = Doubling::new();
    let first = doubling.first();
    for number in 1..5 {
        assert_eq!(doubling.ask(number).await, 2 * number);
        // The first has waited, and then nobody else does.
        assert!(doubling.together.0.lock().waiting.len() <= 1);
    }
    assert_eq!(doubling.together.0.lock().turns.len(), AT_ONCE);
    drop(first);
    doubling.ends().await;
}

#[test]
fn asker_outside_of_a_runtime_takes_no_turn() {
    let doubling = Doubling::new();
    let asked = std::panic::AssertUnwindSafe(|| waiting(doubling.ask(1)));
    assert!(std::panic::catch_unwind(asked).is_err());
    assert!(doubling.together.0.lock().turns.is_empty());
}

#[test]
fn runtime_that_ends_leaves_no_turn_behind() {
    let doubling = Arc::new(Doubling::new());
    let paused = |runtime: &mut Builder| runtime.enable_time().start_paused(true).build().unwrap();
    let runtime = || paused(&mut Builder::new_current_thread());
    let (ended, driven) = (runtime(), runtime());
    let guard = driven.enter();
    let first = doubling.first();
    drop(guard);
    let guard = ended.enter();
    let lost = waiting(doubling.ask(3));
    drop(guard);
    drop(ended);
    // What was to be asked on the one that has ended is given up.
    drop(first);
    driven.block_on(doubling.ends());
    assert_eq!(driven.block_on(lost), 6);
}

#[tokio::test(start_paused = true)]
async fn more_questions_than_one_statement_asks_are_all_answered() {
    let doubling = Doubling::new();
    let first = doubling.first();
    let numbers = 100..100 + 2 * MOST as u32 + 7;
    let asked: Vec<_> = numbers.clone().map(|number| waiting(doubling.ask(number))).collect();
    drop(first);
    for (number, answer) in numbers.clone().zip(asked) {
        assert_eq!(answer.await, number * 2);
    }
    let statements = doubling.statements();
    assert!(statements.iter().all(|numbers| numbers.len() <= MOST), "{statements:?}");
    assert_eq!(statements.into_iter().flatten().collect::<BTreeSet<_>>(), numbers.collect());
    doubling.ends().await;
}

#[tokio::test(start_paused = true)]
async fn late_answer_counts_if_it_comes_before_the_one_that_is_asked_alone() {
    let is_late = Arc::new(Notify::new());
    let slow = is_late.clone();
    let together = Together::new(move |numbers: Vec<u32>| {
        let slow = slow.clone();
        Box::pin(async move {
            slow.notified().await;
            Some(numbers)
        })
    });
    let endless = || together.ask(0, pending::<Result<u32, Infallible>>());
    let first: Vec<_> = (0..AT_ONCE).map(|_| waiting(async { endless().await.unwrap() })).collect();
    let alone = async {
        is_late.notify_one();
        pending::<Result<u32, Infallible>>().await
    };
    let late = waiting(async { together.ask(7, alone).await.unwrap() });
    drop(first);
    assert_eq!(late.await, 7);
}
