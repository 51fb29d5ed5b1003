use signing_crypto::{AddSignatureError, EnvelopeSignature, OrgId, SignatureEnvelope, SigningKey};
use signing_trust::TrustError;
use signing_trust::store::{Change, Revocation, StoreError};
use tracing::Level;

use super::recorded_store::{RecordedStore, seed_key, statement};
use crate::support::{assert_refused, on_both_backends};

on_both_backends! {
    a_signing_is_told_each_time_and_is_no_change,
    an_added_signature_is_told_like_the_first_and_a_refused_one_is_not,
    a_signatures_keeping_is_told_once,
}

async fn a_signing_is_told_each_time_and_is_no_change(recorded: RecordedStore) {
    let id = recorded.signing_key().await;
    let fingerprint = recorded.keys.get_signing_key(id).await.unwrap().fingerprint();
    recorded.told_nothing();
    for _ in 0..2 {
        recorded.keys.sign_statement(id, &statement()).await.unwrap();
        recorded.told(
            Level::INFO,
            &[
                ("event_type", &"package.signed"),
                ("org_id", &recorded.org),
                ("key_id", &id),
                ("key_fingerprint", &fingerprint),
                ("package_name", &"a.so"),
                ("package_hash", &"07".repeat(32)),
            ],
        );
    }
    recorded.keys.revoke_signing_key(id, Revocation::retired()).await.unwrap();
    recorded.heard();
    let refused = recorded.keys.sign_statement(id, &statement()).await;
    assert_refused!(refused, TrustError::SigningKeyRevoked { .. });
    recorded.told_nothing();
    recorded.logged(&["key.signing.created", "key.signing.revoked"]).await;
}

async fn an_added_signature_is_told_like_the_first_and_a_refused_one_is_not(
    recorded: RecordedStore,
) {
    let id = recorded.signing_key().await;
    let fingerprint = recorded.keys.get_signing_key(id).await.unwrap().fingerprint();
    let other = SigningKey::generate().unwrap();
    let mut envelope = SignatureEnvelope::sign(&statement(), &other);
    recorded.told_nothing();
    recorded.keys.add_signature(id, &mut envelope).await.unwrap();
    recorded.told(
        Level::INFO,
        &[
            ("event_type", &"package.signed"),
            ("org_id", &recorded.org),
            ("key_id", &id),
            ("key_fingerprint", &fingerprint),
            ("package_name", &"a.so"),
            ("package_hash", &"07".repeat(32)),
        ],
    );
    let signers: Vec<_> =
        envelope.signatures().iter().map(EnvelopeSignature::claimed_signer).collect();
    assert_eq!(signers, [Some(other.fingerprint()), Some(fingerprint)]);

    let before = envelope.clone();
    let refused = recorded.keys.add_signature(id, &mut envelope).await;
    assert_refused!(refused, TrustError::AddSignature(AddSignatureError::AlreadySignedBy { .. }));
    assert_eq!(envelope, before);
    recorded.told_nothing();
}

async fn a_signatures_keeping_is_told_once(recorded: RecordedStore) {
    let envelope = SignatureEnvelope::sign(&statement(), &seed_key());
    let keep = async |org| recorded.keys.store_signature(org, &envelope).await;
    keep(recorded.org).await.unwrap();
    recorded.told(
        Level::INFO,
        &[
            ("event_type", &"package.signature.stored"),
            ("org_id", &recorded.org),
            ("package_name", &"a.so"),
            ("package_hash", &"07".repeat(32)),
        ],
    );
    assert!(matches!(keep(recorded.org).await.unwrap(), Change::Unchanged(_)));
    assert_refused!(
        keep(OrgId::random()).await,
        TrustError::Store(StoreError::OrganizationNotFound { .. })
    );
    recorded.told_nothing();
    recorded.logged(&[]).await;
}
