use std::fmt::Display;

use signing_crypto::{NameKind, OrgId};
use signing_trust::store::{Change, StoreError};
use signing_trust::{TrustError, TrustLimits};
use tracing::Level;

use super::recorded_store::RecordedStore;
use crate::support::{assert_refused, on_both_backends};

on_both_backends! {
    an_organizations_creation_is_told_once,
    an_organizations_deletion_is_told_once,
    a_grant_and_its_end_are_told_once_each,
}

async fn an_organizations_creation_is_told_once(recorded: RecordedStore) {
    let org = recorded.keys.create_organization("other".parse().unwrap()).await.unwrap().id;
    recorded.told(
        Level::INFO,
        &[("event_type", &"organization.created"), ("org_id", &org), ("name", &"other")],
    );
    assert_eq!(recorded.log(org).await, ["organization.created"]);

    assert_refused!(
        recorded.keys.create_organization("other".parse().unwrap()).await,
        TrustError::Store(StoreError::NameTaken { kind: NameKind::Organization })
    );
    recorded.told_nothing();
    recorded.logged(&[]).await;
}

async fn an_organizations_deletion_is_told_once(recorded: RecordedStore) {
    recorded.keys.delete_organization(recorded.org).await.unwrap();
    recorded
        .told(Level::WARN, &[("event_type", &"organization.deleted"), ("org_id", &recorded.org)]);
    assert_refused!(
        recorded.keys.delete_organization(recorded.org).await,
        TrustError::Store(StoreError::OrganizationDeleted { org }) if org == recorded.org
    );
    assert_refused!(
        recorded.keys.delete_organization(OrgId::random()).await,
        TrustError::Store(StoreError::OrganizationNotFound { .. })
    );
    recorded.told_nothing();
    recorded.logged(&["organization.deleted"]).await;
}

async fn a_grant_and_its_end_are_told_once_each(recorded: RecordedStore) {
    let child = recorded.child().await;
    let told = |level, event_type: &'static str| {
        let fields: [(_, &dyn Display); 3] =
            [("event_type", &event_type), ("org_id", &recorded.org), ("child_org_id", &child)];
        recorded.told(level, &fields);
    };
    let grant =
        async |to| recorded.keys.grant_trust(recorded.org, to, TrustLimits::default()).await;
    let revoke = async || recorded.keys.revoke_trust(recorded.org, child).await.unwrap();
    assert!(matches!(revoke().await, Change::Unchanged(None)));
    recorded.told_nothing();
    grant(child).await.unwrap();
    told(Level::INFO, "trust.grant.created");
    assert!(matches!(grant(child).await.unwrap(), Change::Unchanged(_)));
    assert_refused!(grant(recorded.org).await, TrustError::SelfGrant { .. });
    assert_refused!(
        grant(OrgId::random()).await,
        TrustError::Store(StoreError::OrganizationNotFound { .. })
    );
    recorded.told_nothing();
    revoke().await;
    told(Level::WARN, "trust.grant.revoked");
    assert!(matches!(revoke().await, Change::Unchanged(None)));
    recorded.told_nothing();
    recorded.logged(&["trust.grant.created", "trust.grant.revoked"]).await;
    assert_eq!(recorded.log(child).await, ["organization.created"]);
}
