use std::fmt::Display;

use signing_crypto::{NameKind, OrgId};
use signing_trust::TrustError;
use signing_trust::store::{Change, StoreError};
use tracing::Level;

use super::bench::Bench;
use crate::support::{assert_refused, on_both_backends};

on_both_backends! {
    an_organizations_creation_is_told_once,
    an_organizations_deletion_is_told_once,
    a_grant_and_its_end_are_told_once_each,
}

async fn an_organizations_creation_is_told_once(bench: Bench) {
    let org = bench.keys.create_organization("other".parse().unwrap()).await.unwrap().id;
    bench.told(
        Level::INFO,
        &[("event_type", &"organization.created"), ("org_id", &org), ("name", &"other")],
    );
    assert_eq!(bench.log(org).await, ["organization.created"]);

    assert_refused!(
        bench.keys.create_organization("other".parse().unwrap()).await,
        TrustError::Store(StoreError::NameTaken { kind: NameKind::Organization })
    );
    bench.told_nothing();
    bench.logged(&[]).await;
}

async fn an_organizations_deletion_is_told_once(bench: Bench) {
    bench.keys.delete_organization(bench.org).await.unwrap();
    bench.told(Level::WARN, &[("event_type", &"organization.deleted"), ("org_id", &bench.org)]);
    assert_refused!(
        bench.keys.delete_organization(bench.org).await,
        TrustError::Store(StoreError::OrganizationDeleted { org }) if org == bench.org
    );
    assert_refused!(
        bench.keys.delete_organization(OrgId::random()).await,
        TrustError::Store(StoreError::OrganizationNotFound)
    );
    bench.told_nothing();
    bench.logged(&["organization.deleted"]).await;
}

async fn a_grant_and_its_end_are_told_once_each(bench: Bench) {
    let child = bench.child().await;
    let told = |level, event_type: &'static str| {
        let fields: [(_, &dyn Display); 3] =
            [("event_type", &event_type), ("org_id", &bench.org), ("child_org_id", &child)];
        bench.told(level, &fields);
    };
    let grant = async |to| bench.keys.grant_trust(bench.org, to).await;
    let revoke = async || bench.keys.revoke_trust(bench.org, child).await.unwrap();
    assert!(matches!(revoke().await, Change::Unchanged(None)));
    bench.told_nothing();
    grant(child).await.unwrap();
    told(Level::INFO, "trust.grant.created");
    assert!(matches!(grant(child).await.unwrap(), Change::Unchanged(_)));
    assert_refused!(grant(bench.org).await, TrustError::SelfGrant { .. });
    assert_refused!(
        grant(OrgId::random()).await,
        TrustError::Store(StoreError::OrganizationNotFound)
    );
    bench.told_nothing();
    revoke().await;
    told(Level::WARN, "trust.grant.revoked");
    assert!(matches!(revoke().await, Change::Unchanged(None)));
    bench.told_nothing();
    bench.logged(&["trust.grant.created", "trust.grant.revoked"]).await;
    assert_eq!(bench.log(child).await, ["organization.created"]);
}
