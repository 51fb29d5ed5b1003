//! Trust that is limited, and versions that are too low.

use signing_crypto::{PackagePatterns, PackageVersion};
use signing_trust::store::Change;
use signing_trust::{TrustError, TrustLimits};
use tracing::Level;

use super::recorded_store::{RecordedStore, seed_key};
use crate::support::{assert_refused, on_both_backends};

on_both_backends! {
    trust_with_an_expiry_is_told_with_it_and_again_when_it_changes,
    a_limited_grant_is_told_with_its_limits_and_again_when_they_change,
    a_floor_and_its_end_are_told_once_each,
}

async fn trust_with_an_expiry_is_told_with_it_and_again_when_it_changes(recorded: RecordedStore) {
    let key = seed_key().verifying_key();
    let trust = async |until: Option<&str>| {
        let until = until.map(|until| until.parse().unwrap());
        recorded.keys.trust_public_key(recorded.org, &key, None, until).await
    };
    let row = trust(Some("2999-01-01T00:00:00Z")).await.unwrap().into_inner().id;
    let told = |expires_at: &str| {
        recorded.told(
            Level::INFO,
            &[
                ("event_type", &"key.trusted.added"),
                ("org_id", &recorded.org),
                ("key_id", &row),
                ("key_fingerprint", &key.fingerprint()),
                ("expires_at", &expires_at),
            ],
        );
    };
    told("2999-01-01T00:00:00Z");
    let again = trust(Some("2999-01-01T00:00:00Z")).await.unwrap();
    assert!(matches!(again, Change::Unchanged(_)));
    assert_refused!(trust(Some("2020-01-01T00:00:00Z")).await, TrustError::ExpiryPast { .. });
    recorded.told_nothing();
    trust(Some("2998-06-01T12:00:00Z")).await.unwrap();
    told("2998-06-01T12:00:00Z");
    recorded.logged(&["key.trusted.added", "key.trusted.added"]).await;
}

async fn a_limited_grant_is_told_with_its_limits_and_again_when_they_change(
    recorded: RecordedStore,
) {
    let child = recorded.child().await;
    let grant = async |packages: &[&str], until: Option<&str>| {
        let packages = packages.iter().map(|&pattern| pattern.to_owned()).collect();
        let scope = TrustLimits {
            packages: Some(PackagePatterns::new(packages).unwrap()),
            expires_at: until.map(|until| until.parse().unwrap()),
        };
        recorded.keys.grant_trust(recorded.org, child, scope).await.unwrap()
    };
    grant(&["etl-*", "web.so"], Some("2999-01-01T00:00:00Z")).await;
    recorded.told(
        Level::INFO,
        &[
            ("event_type", &"trust.grant.created"),
            ("org_id", &recorded.org),
            ("child_org_id", &child),
            ("packages", &r#"["etl-*","web.so"]"#),
            ("expires_at", &"2999-01-01T00:00:00Z"),
        ],
    );
    let again = grant(&["etl-*", "web.so"], Some("2999-01-01T00:00:00Z")).await;
    assert!(matches!(again, Change::Unchanged(_)));
    recorded.told_nothing();
    grant(&["etl-*"], None).await;
    recorded.told(
        Level::INFO,
        &[
            ("event_type", &"trust.grant.created"),
            ("org_id", &recorded.org),
            ("child_org_id", &child),
            ("packages", &r#"["etl-*"]"#),
        ],
    );
    recorded.logged(&["trust.grant.created", "trust.grant.created"]).await;
}

async fn a_floor_and_its_end_are_told_once_each(recorded: RecordedStore) {
    let package = "a.so".parse().unwrap();
    let set = async |floor: Option<&str>| {
        let floor: Option<PackageVersion> = floor.map(|floor| floor.parse().unwrap());
        recorded.keys.set_version_floor(recorded.org, &package, floor).await.unwrap()
    };
    set(Some("1.2.3")).await;
    recorded.told(
        Level::INFO,
        &[
            ("event_type", &"package.floor.set"),
            ("org_id", &recorded.org),
            ("package_name", &"a.so"),
            ("floor", &"1.2.3"),
        ],
    );
    assert!(matches!(set(Some("1.2.3")).await, Change::Unchanged(_)));
    recorded.told_nothing();
    set(None).await;
    recorded.told(
        Level::INFO,
        &[
            ("event_type", &"package.floor.set"),
            ("org_id", &recorded.org),
            ("package_name", &"a.so"),
        ],
    );
    assert!(matches!(set(None).await, Change::Unchanged(_)));
    recorded.told_nothing();
    recorded.logged(&["package.floor.set", "package.floor.set"]).await;
}
