//! The picture of who accepts whose keys.

use chrono::{DateTime, TimeDelta, Utc};
use signing_crypto::{OrgId, SigningKey};
use signing_trust::store::{Change, Revocation, RevocationReason, StoreError};
use signing_trust::{GrantStanding, GraphGrant, KeyStanding, TrustError, TrustGraph, TrustLimits};

use crate::support::{World, assert_refused, on_both_backends};

on_both_backends! {
    graph_tells_every_standing_of_a_key,
    graph_tells_every_standing_of_a_grant,
    graph_of_one_organization_is_what_bears_on_its_decisions,
    graph_is_in_the_same_order_each_time,
    graph_of_an_unknown_organization_is_refused,
    grant_that_replaces_another_tells_which,
    trust_that_has_ended_before_it_begins_is_refused,
}

fn standing(graph: &TrustGraph, org: OrgId, key: &SigningKey) -> Option<KeyStanding> {
    let keys = &graph.organization(org).unwrap().keys;
    let found = keys.iter().find(|found| found.fingerprint == key.fingerprint());
    found.map(|found| found.standing.clone())
}

fn grant_to(graph: &TrustGraph, parent: OrgId, child: OrgId) -> &GraphGrant {
    let grants = &graph.organization(parent).unwrap().grants;
    grants.iter().find(|grant| grant.child == child).unwrap()
}

/// Makes trust end in the past, which the store refuses to be told.
async fn end(world: &World, table: &str) -> DateTime<Utc> {
    let past: DateTime<Utc> = "2026-01-28T12:00:00.000001Z".parse().unwrap();
    let value = match world.database.is_sqlite() {
        true => past.timestamp_micros().to_string(),
        false => format!("'{}'", past.to_rfc3339()),
    };
    let sql = format!("UPDATE {table} SET expires_at = {value} WHERE expires_at IS NOT NULL");
    world.database.execute(&sql).await.unwrap();
    past
}

fn later() -> Option<DateTime<Utc>> {
    Some("2999-01-01T00:00:00Z".parse().unwrap())
}

async fn graph_tells_every_standing_of_a_key(world: World) {
    let org = world.org("acme").await;
    let keys = [(); 8].map(|()| SigningKey::generate().unwrap());
    let [trusted, revoked, stolen, denied, bad, expired, swapped, silent] = &keys;
    let manager = &world.keys;
    let trust = async |key: &SigningKey, until| {
        let key = key.verifying_key();
        let row = manager.trust_public_key(org, &key, None, until).await.unwrap();
        row.into_inner()
    };
    trust(trusted, None).await;
    trust(bad, None).await;
    trust(expired, later()).await;
    let revoked_row = trust(revoked, None).await;
    let stolen_row = trust(stolen, None).await;
    let swapped_row = trust(swapped, None).await;
    manager.revoke_trusted_key(revoked_row.id, Revocation::retired()).await.unwrap();
    let because = Revocation::compromised();
    manager.revoke_trusted_key(stolen_row.id, because).await.unwrap();
    manager.deny_key(org, &denied.fingerprint(), None).await.unwrap();
    manager.danger_declare_compromised(org, &bad.fingerprint(), None).await.unwrap();
    let row = manager.deny_key(org, &silent.fingerprint(), None).await.unwrap().into_inner();
    manager.reinstate_trusted_key(row.id, &"a mistake".parse().unwrap()).await.unwrap();
    let past = end(&world, "trusted_keys").await;
    let other = world.database.bytes(trusted.verifying_key().as_bytes());
    let id = world.database.id(swapped_row.id.as_uuid());
    let swap = format!("UPDATE trusted_keys SET public_key = {other} WHERE id = {id}");
    world.database.execute(&swap).await.unwrap();

    let graph = manager.trust_graph(None).await.unwrap();

    let standing = |key| standing(&graph, org, key);
    assert_eq!(standing(trusted), Some(KeyStanding::Trusted));
    assert_eq!(standing(expired), Some(KeyStanding::Expired { at: past }));
    assert_eq!(standing(swapped), Some(KeyStanding::Mismatched));
    assert_eq!(standing(silent), None);
    for (key, expected) in
        [(revoked, RevocationReason::Retired), (stolen, RevocationReason::Compromised)]
    {
        let found = standing(key);
        let is_as_expected =
            matches!(found, Some(KeyStanding::Revoked { reason, .. }) if reason == expected);
        assert!(is_as_expected, "{found:?}");
    }
    assert!(matches!(standing(denied), Some(KeyStanding::Denied { .. })));
    assert!(matches!(standing(bad), Some(KeyStanding::Compromised { .. })));
    // What the picture says to be trusted is what is accepted.
    for key in &keys {
        let found = manager.find_trusted_key(org, &key.fingerprint()).await.unwrap();
        assert_eq!(found.is_some(), standing(key) == Some(KeyStanding::Trusted));
    }
}

async fn graph_tells_every_standing_of_a_grant(world: World) {
    let parent = world.org("parent").await;
    let [limited, past, gone] =
        [world.org("limited").await, world.org("past").await, world.org("gone").await];
    let until = |expires_at| TrustLimits { packages: None, expires_at };
    world.keys.grant_trust(parent, past, until(later())).await.unwrap();
    let at = end(&world, "trust_grants").await;
    let packages = Some(r#"["etl-*"]"#.parse().unwrap());
    let scope = TrustLimits { packages: packages.clone(), expires_at: later() };
    world.keys.grant_trust(parent, limited, scope).await.unwrap();
    world.keys.grant_trust(parent, gone, TrustLimits::default()).await.unwrap();
    world.keys.delete_organization(gone).await.unwrap();

    let graph = world.keys.trust_graph(None).await.unwrap();

    let found = grant_to(&graph, parent, limited);
    assert_eq!(found.standing, GrantStanding::InForce);
    assert_eq!((&found.limits.packages, found.limits.expires_at), (&packages, later()));
    assert_eq!(grant_to(&graph, parent, past).standing, GrantStanding::Expired { at });
    let deleted_at = graph.organization(gone).unwrap().deleted_at.unwrap();
    let expected = GrantStanding::ChildDeleted { at: deleted_at };
    assert_eq!(grant_to(&graph, parent, gone).standing, expected);

    world.keys.revoke_trust(parent, past).await.unwrap();
    let graph = world.keys.trust_graph(None).await.unwrap();
    assert_eq!(graph.organization(parent).unwrap().grants.len(), 2);
}

async fn graph_of_one_organization_is_what_bears_on_its_decisions(world: World) {
    let parent = world.org("parent").await;
    let child = world.vendor("child").await;
    let grandchild = world.vendor("grandchild").await;
    world.vendor("stranger").await;
    world.keys.grant_trust(parent, child.org, TrustLimits::default()).await.unwrap();
    world.keys.grant_trust(child.org, grandchild.org, TrustLimits::default()).await.unwrap();

    let graph = world.keys.trust_graph(Some(parent)).await.unwrap();

    let ids: Vec<_> = graph.organizations.iter().map(|org| org.id).collect();
    assert_eq!(ids, [child.org, parent]);
    assert_eq!(graph.organization(child.org).unwrap().keys.len(), 1);
    assert_eq!(graph.organization(child.org).unwrap().grants, []);
    assert_eq!(grant_to(&graph, parent, child.org).child_name.as_str(), "child");
    let whole = world.keys.trust_graph(None).await.unwrap();
    assert_eq!(whole.organizations.len(), 4);
    assert_eq!(whole.organization(child.org).unwrap().grants.len(), 1);
}

async fn graph_is_in_the_same_order_each_time(world: World) {
    for name in ["c", "a", "b"] {
        let org = world.org(name).await;
        for _ in 0..4 {
            let key = SigningKey::generate().unwrap().verifying_key();
            world.keys.trust_public_key(org, &key, None, None).await.unwrap();
        }
        for other in world.store.organizations().await.unwrap() {
            if other.id != org {
                world.keys.grant_trust(org, other.id, TrustLimits::default()).await.unwrap();
            }
        }
    }
    let deleted = world.org("d").await;
    world.keys.delete_organization(deleted).await.unwrap();

    let graph = world.keys.trust_graph(None).await.unwrap();

    let names: Vec<_> = graph.organizations.iter().map(|org| org.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
    for org in &graph.organizations {
        assert!(org.keys.is_sorted_by_key(|key| key.fingerprint));
        assert!(org.grants.is_sorted_by_key(|grant| grant.child_name.clone()));
    }
    let again = world.keys.trust_graph(None).await.unwrap();
    assert_eq!(again.organizations, graph.organizations);
}

async fn graph_of_an_unknown_organization_is_refused(world: World) {
    world.org("acme").await;
    let refused = world.keys.trust_graph(Some(OrgId::random())).await;
    assert_refused!(refused, TrustError::Store(StoreError::OrganizationNotFound { .. }));
}

async fn grant_that_replaces_another_tells_which(world: World) {
    let [parent, child] = [world.org("parent").await, world.org("child").await];
    let scope = TrustLimits { packages: Some(r#"["etl-*"]"#.parse().unwrap()), expires_at: None };
    let grant = async |scope: &TrustLimits| {
        let keys = &world.keys;
        match keys.grant_trust(parent, child, scope.clone()).await.unwrap() {
            Change::Made(grant) => grant,
            already => panic!("{already:?}"),
        }
    };
    let first = grant(&scope).await;
    assert_eq!(world.store.replaced_grant(&first).await.unwrap(), None);
    let second = grant(&TrustLimits::default()).await;
    let replaced = world.store.replaced_grant(&second).await.unwrap().unwrap();
    assert_eq!((replaced.id, replaced.packages), (first.id, scope.packages.clone()));
    assert_eq!(replaced.revoked_at, Some(second.created_at));

    world.keys.revoke_trust(parent, child).await.unwrap();
    let third = grant(&scope).await;
    assert_eq!(world.store.replaced_grant(&third).await.unwrap(), None);
    let children = world.store.children_of(parent).await.unwrap();
    assert_eq!(children.iter().map(|(grant, _)| grant).collect::<Vec<_>>(), [&third]);
}

async fn trust_that_has_ended_before_it_begins_is_refused(world: World) {
    let [parent, child] = [world.org("parent").await, world.org("child").await];
    let key = SigningKey::generate().unwrap().verifying_key();
    let before = world.store.state().await.unwrap();
    for ago in [TimeDelta::zero(), TimeDelta::hours(1), TimeDelta::days(20_000)] {
        let given = Utc::now() - ago;
        let scope = TrustLimits { packages: None, expires_at: Some(given) };
        let granted = world.keys.grant_trust(parent, child, scope).await.map(|_| ());
        let until = Some(given);
        let trusted = world.keys.trust_public_key(parent, &key, None, until).await;
        for refused in [granted, trusted.map(|_| ())] {
            assert_refused!(
                refused,
                TrustError::ExpiryPast { expires_at, now } if expires_at == given && now >= given
            );
        }
    }
    assert_eq!(world.store.state().await.unwrap(), before);
}
