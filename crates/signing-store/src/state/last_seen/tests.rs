use std::collections::HashMap;

use signing_crypto::{StoreId, TrustStateId};
use uuid::Uuid;

use super::*;

/// A store, as far as it is asked about its history.
#[derive(Clone)]
struct History {
    now: Origin,
    states: HashMap<i64, TrustStateId>,
    asked: usize,
}

impl History {
    fn new(store_id: StoreId) -> Self {
        let now = Origin {
            store_id,
            schema_version: migrations::VERSION,
            trust_epoch: 0,
            trust_state: TrustStateId::random(),
            in_recovery: false,
            has_settings: true,
            server_time: None,
        };
        Self { now, states: HashMap::from([(0, now.trust_state)]), asked: 0 }
    }

    /// Where its answers come from after so many more changes.
    fn change(&mut self, times: usize) -> Origin {
        for _ in 0..times {
            self.now.trust_epoch += 1;
            self.now.trust_state = TrustStateId::random();
            self.states.insert(self.now.trust_epoch, self.now.trust_state);
        }
        self.now
    }
}

impl AskHistory for History {
    async fn history_of(&mut self, both: [&Origin; 2]) -> Result<(Origin, bool), StoreError> {
        self.asked += 1;
        let knows =
            |origin: &&Origin| self.states.get(&origin.trust_epoch) == Some(&origin.trust_state);
        Ok((self.now, both.iter().all(knows)))
    }
}

fn store() -> (LastSeen, History) {
    (LastSeen::default(), History::new(StoreId::random()))
}

/// As if nothing else had been asked in between.
async fn accept(seen: &LastSeen, origin: Origin, store: &mut History) -> Result<(), StoreError> {
    seen.accept(origin, seen.latest(), store).await
}

#[tokio::test]
async fn later_answers_of_the_same_store_are_accepted() {
    let (seen, mut store) = store();
    for changes in [7, 0, 1, 5] {
        let origin = store.change(changes);
        accept(&seen, origin, &mut store).await.unwrap();
        assert_eq!(seen.latest(), Some(origin));
    }
}

#[tokio::test]
async fn store_is_asked_about_its_history_only_when_trust_has_changed() {
    let (seen, mut store) = store();
    for (changes, asked) in [(7, 0), (0, 0), (0, 0), (1, 1), (0, 1), (5, 2)] {
        let origin = store.change(changes);
        accept(&seen, origin, &mut store).await.unwrap();
        assert_eq!(store.asked, asked);
    }
}

#[tokio::test]
async fn store_that_was_set_back_is_refused_however_often_it_changed_since() {
    let (seen, mut store) = store();
    store.change(9);
    let mut restored = store.clone();
    let origin = store.change(1);
    accept(&seen, origin, &mut store).await.unwrap();

    let refused = accept(&seen, restored.now, &mut restored).await.unwrap_err();
    assert!(matches!(refused, StoreError::EpochWentBack { expected: 10, found: 9 }));
    for epoch in 10..16 {
        let origin = restored.change(1);
        let refused = accept(&seen, origin, &mut restored).await.unwrap_err();
        assert!(matches!(
            refused,
            StoreError::HistoryDiverged { seen: 10, found } if found == epoch
        ));
    }
    assert_eq!(seen.latest(), Some(origin));
    accept(&seen, store.change(1), &mut store).await.unwrap();
}

#[tokio::test]
async fn answer_is_not_vouched_for_by_another_branch_of_its_store() {
    let (seen, mut store) = store();
    let mut restored = store.clone();
    accept(&seen, store.change(1), &mut store).await.unwrap();
    let (origin, _) = (restored.change(3), store.change(5));
    let refused = accept(&seen, origin, &mut store).await.unwrap_err();
    assert!(matches!(refused, StoreError::HistoryDiverged { .. }));
}

#[tokio::test]
async fn answer_of_a_server_in_recovery_is_refused_and_not_remembered() {
    let (seen, mut store) = store();
    let replica = Origin { in_recovery: true, ..store.change(9) };
    let refused = accept(&seen, replica, &mut store).await;
    assert!(matches!(refused, Err(StoreError::InRecovery)));
    assert_eq!(seen.latest(), None);

    let origin = store.change(1);
    accept(&seen, origin, &mut store).await.unwrap();
    let replica = Origin { in_recovery: true, ..store.change(1) };
    let refused = accept(&seen, replica, &mut store).await;
    assert!(matches!(refused, Err(StoreError::InRecovery)));
    assert_eq!(seen.latest(), Some(origin));

    // Nor does it vouch for what somebody else has said.
    let said = store.now;
    store.now.in_recovery = true;
    let refused = accept(&seen, said, &mut store).await;
    assert!(matches!(refused, Err(StoreError::InRecovery)));
}

#[tokio::test]
async fn answer_of_a_session_without_our_settings_is_refused_and_vouches_for_nothing() {
    let (seen, mut store) = store();
    let foreign = Origin { has_settings: false, ..store.change(7) };
    let refused = accept(&seen, foreign, &mut store).await;
    assert!(matches!(refused, Err(StoreError::SessionSettingsLost)));
    assert_eq!(seen.latest(), None);

    accept(&seen, store.now, &mut store).await.unwrap();
    let said = store.change(1);
    store.now.has_settings = false;
    let refused = accept(&seen, said, &mut store).await;
    assert!(matches!(refused, Err(StoreError::SessionSettingsLost)));
    let refused = seen.state_after_change(&mut store).await.map(|_| ());
    assert!(matches!(refused, Err(StoreError::SessionSettingsLost)));
}

#[tokio::test]
async fn answer_of_newer_tables_is_refused_and_vouches_for_nothing() {
    let (seen, mut store) = store();
    let newer = Origin { schema_version: migrations::VERSION + 1, ..store.change(7) };
    let refused = accept(&seen, newer, &mut store).await;
    assert!(matches!(refused, Err(StoreError::SchemaTooNew { .. })));
    assert_eq!(seen.latest(), None);

    accept(&seen, store.now, &mut store).await.unwrap();
    let said = store.change(1);
    store.now.schema_version += 1;
    let refused = accept(&seen, said, &mut store).await;
    assert!(matches!(refused, Err(StoreError::SchemaTooNew { .. })));
    let refused = seen.state_after_change(&mut store).await.map(|_| ());
    assert!(matches!(refused, Err(StoreError::SchemaTooNew { .. })));
}

#[tokio::test]
async fn answer_of_another_store_is_refused_whatever_its_epoch() {
    let (seen, mut store) = store();
    let origin = store.change(7);
    accept(&seen, origin, &mut store).await.unwrap();
    let other = StoreId::random();
    for epoch in [6, 7, 8] {
        let foreign = Origin { store_id: other, trust_epoch: epoch, ..origin };
        let refused = accept(&seen, foreign, &mut store).await.unwrap_err();
        assert!(matches!(
            refused,
            StoreError::AnotherStore { expected, found }
                if (expected, found) == (origin.store_id, other)
        ));
    }
    assert_eq!(seen.latest(), Some(origin));
}

#[tokio::test]
async fn another_state_at_the_same_epoch_is_refused_at_once() {
    let (seen, mut store) = store();
    let origin = store.change(7);
    accept(&seen, origin, &mut store).await.unwrap();
    let other = Origin { trust_state: Uuid::from_u128(7).into(), ..origin };
    let refused = accept(&seen, other, &mut store).await.unwrap_err();
    assert!(matches!(refused, StoreError::HistoryDiverged { seen: 7, found: 7 }));
    assert_eq!((seen.latest(), store.asked), (Some(origin), 0));
}

#[tokio::test]
async fn answer_that_was_overtaken_is_accepted_and_changes_nothing() {
    let (seen, mut store) = store();
    accept(&seen, store.change(7), &mut store).await.unwrap();
    let before = seen.latest();
    let overtaken = store.change(1);
    let latest = store.change(1);
    accept(&seen, latest, &mut store).await.unwrap();

    seen.accept(overtaken, before, &mut store).await.unwrap();
    seen.accept(before.unwrap(), before, &mut store).await.unwrap();

    assert_eq!(seen.latest(), Some(latest));
    let late = accept(&seen, overtaken, &mut store).await;
    assert!(matches!(late, Err(StoreError::EpochWentBack { .. })));
}

#[tokio::test]
async fn overtaken_answer_of_another_branch_is_refused() {
    let (seen, mut store) = store();
    accept(&seen, store.change(7), &mut store).await.unwrap();
    let before = seen.latest();
    let mut restored = store.clone();
    accept(&seen, store.change(2), &mut store).await.unwrap();

    let overtaken = restored.change(1);
    for history in [&mut restored, &mut store] {
        let refused = seen.accept(overtaken, before, history).await.unwrap_err();
        assert!(matches!(refused, StoreError::HistoryDiverged { .. }));
    }
}

/// A store about which somebody else learns more whenever it is asked.
struct Overtaken<'a> {
    seen: &'a LastSeen,
    store: History,
    others: usize,
}

impl AskHistory for Overtaken<'_> {
    async fn history_of(&mut self, both: [&Origin; 2]) -> Result<(Origin, bool), StoreError> {
        let answer = self.store.history_of(both).await;
        if self.others > 0 {
            self.others -= 1;
            accept(self.seen, self.store.change(1), &mut self.store).await.unwrap();
        }
        answer
    }
}

#[tokio::test]
async fn what_others_learn_meanwhile_is_not_forgotten() {
    let (seen, mut store) = store();
    accept(&seen, store.change(7), &mut store).await.unwrap();
    let before = seen.latest();
    let origin = store.change(1);
    let mut overtaken = Overtaken { seen: &seen, store, others: 3 };

    seen.accept(origin, before, &mut overtaken).await.unwrap();
    assert_eq!(seen.latest(), Some(overtaken.store.now));
}

#[tokio::test]
async fn of_two_first_answers_from_two_stores_one_is_accepted() {
    let (seen, mut store) = store();
    let before = seen.latest();
    seen.accept(store.change(7), before, &mut store).await.unwrap();
    let mut other = History::new(StoreId::random());
    let refused = seen.accept(other.change(9), before, &mut other).await.unwrap_err();
    assert!(matches!(refused, StoreError::AnotherStore { .. }));
}

#[tokio::test]
async fn what_was_changed_from_here_counts_as_seen() {
    let (seen, mut store) = store();
    accept(&seen, store.change(7), &mut store).await.unwrap();
    let mut restored = store.clone();

    let origin = store.change(1);
    let made = seen.state_after_change(&mut store).await.unwrap();
    // Not before it is committed.
    assert_ne!(seen.latest(), Some(origin));
    seen.remember_commit(made, &mut store).await;

    assert_eq!(seen.latest(), Some(origin));
    let refused = accept(&seen, restored.change(1), &mut restored).await.unwrap_err();
    assert!(matches!(refused, StoreError::HistoryDiverged { .. }));
}

#[tokio::test]
async fn change_of_a_store_that_lacks_what_was_seen_meanwhile_is_not_concluded() {
    let (seen, mut store) = store();
    accept(&seen, store.change(7), &mut store).await.unwrap();
    let mut restored = store.clone();
    accept(&seen, store.change(1), &mut store).await.unwrap();

    restored.change(3);
    let refused = seen.state_after_change(&mut restored).await.map(|_| ()).unwrap_err();
    assert!(matches!(refused, StoreError::HistoryDiverged { .. }));
}
