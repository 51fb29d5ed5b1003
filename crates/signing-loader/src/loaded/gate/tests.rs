use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use super::*;

fn is_drained(gate: &Gate) -> bool {
    let mut drained = pin!(gate.drained());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    drained.as_mut().poll(&mut context).is_ready()
}

#[test]
fn calls_enter_an_open_gate_and_no_closed_one() {
    let gate = Gate::new(true);
    assert!(gate.enter() && gate.enter());
    gate.close();
    assert!(!gate.enter() && !gate.is_open());
    assert_eq!(gate.calls(), 2);
    gate.leave();
    gate.open();
    assert!(gate.enter() && gate.is_open());
    assert_eq!(gate.calls(), 2);

    let gate = Gate::new(false);
    assert!(!gate.enter());
    gate.open();
    assert!(gate.enter());
}

#[test]
fn a_gate_is_drained_when_it_is_closed_and_the_last_call_has_left() {
    let gate = Gate::new(true);
    assert!(gate.enter() && gate.enter());
    assert!(!is_drained(&gate));
    gate.close();
    assert!(!is_drained(&gate));
    gate.leave();
    assert!(!is_drained(&gate));
    gate.leave();
    assert!(is_drained(&gate));
    // Closed once more, it still is; open, it is not.
    gate.close();
    assert!(is_drained(&gate));
    gate.open();
    assert!(!is_drained(&gate));
}

#[tokio::test]
async fn who_waits_for_a_gate_is_woken_by_the_last_call_and_by_closing() {
    let gate = Arc::new(Gate::new(true));
    let waiting = {
        let gate = gate.clone();
        tokio::spawn(async move { gate.drained().await })
    };
    assert!(gate.enter());
    tokio::task::yield_now().await;
    gate.close();
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    gate.leave();
    waiting.await.unwrap();

    gate.open();
    let waiting = {
        let gate = gate.clone();
        tokio::spawn(async move { gate.drained().await })
    };
    tokio::task::yield_now().await;
    gate.close();
    waiting.await.unwrap();
}

/// Threads enter, call and leave as fast as they can while a gate is closed and opened. What a
/// call does is visible to who waited for it, and none begins after the gate has closed.
#[test]
fn no_call_is_in_flight_in_a_drained_gate_and_none_begins() {
    const ROUNDS: usize = 200;
    const THREADS: usize = 3;

    let gate = Gate::new(true);
    // Whether some calls are in flight, written by the calls themselves, as calls of packages
    // write what they like: a flag for each thread, not synchronized by itself.
    let in_flight: [AtomicBool; THREADS] = Default::default();
    let (stop, entered) = (AtomicBool::new(false), AtomicU64::new(0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    thread::scope(|scope| {
        for flag in &in_flight {
            let (gate, stop, entered) = (&gate, &stop, &entered);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    if gate.enter() {
                        flag.store(true, Ordering::Relaxed);
                        entered.fetch_add(1, Ordering::Relaxed);
                        std::hint::spin_loop();
                        flag.store(false, Ordering::Relaxed);
                        gate.leave();
                    } else {
                        thread::yield_now();
                    }
                }
            });
        }
        for round in 0..ROUNDS {
            gate.close();
            let drained = runtime.block_on(async {
                tokio::time::timeout(Duration::from_secs(30), gate.drained()).await
            });
            let before = entered.load(Ordering::Relaxed);
            let calls = in_flight.iter().filter(|flag| flag.load(Ordering::Relaxed)).count();
            thread::yield_now();
            let after = entered.load(Ordering::Relaxed);
            gate.open();
            if drained.is_err() || calls > 0 || before != after {
                stop.store(true, Ordering::Relaxed);
                panic!("round {round}: {drained:?}, {calls} in flight, {before} then {after}");
            }
            // Some calls are made in between.
            while entered.load(Ordering::Relaxed) == after {
                thread::yield_now();
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}
