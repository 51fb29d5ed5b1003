use signing_crypto::{EnvelopeError, EnvelopeSignature, OrgId, SignatureEnvelope, SigningKey};
use signing_trust::TrustError;
use signing_trust::store::{Change, StoreError};
use tracing::Level;

use super::bench::{Bench, seed_key, statement};
use crate::support::{assert_refused, on_both_backends};

on_both_backends! {
    a_signing_is_told_each_time_and_is_no_change,
    an_added_signature_is_told_like_the_first_and_a_refused_one_is_not,
    a_signatures_keeping_is_told_once,
}

async fn a_signing_is_told_each_time_and_is_no_change(bench: Bench) {
    let id = bench.signing_key().await;
    let fingerprint = bench.keys.get_signing_key(id).await.unwrap().fingerprint();
    bench.told_nothing();
    for _ in 0..2 {
        bench.keys.sign_statement(id, &statement()).await.unwrap();
        bench.told(
            Level::INFO,
            &[
                ("event_type", &"package.signed"),
                ("org_id", &bench.org),
                ("key_id", &id),
                ("key_fingerprint", &fingerprint),
                ("package_name", &"a.so"),
                ("package_hash", &"07".repeat(32)),
            ],
        );
    }
    bench.keys.revoke_signing_key(id).await.unwrap();
    bench.heard();
    let refused = bench.keys.sign_statement(id, &statement()).await;
    assert_refused!(refused, TrustError::SigningKeyRevoked { .. });
    bench.told_nothing();
    bench.logged(&["key.signing.created", "key.signing.revoked"]).await;
}

async fn an_added_signature_is_told_like_the_first_and_a_refused_one_is_not(bench: Bench) {
    let id = bench.signing_key().await;
    let fingerprint = bench.keys.get_signing_key(id).await.unwrap().fingerprint();
    let other = SigningKey::generate().unwrap();
    let mut envelope = SignatureEnvelope::sign(&statement(), &other);
    bench.told_nothing();
    bench.keys.add_signature(id, &mut envelope).await.unwrap();
    bench.told(
        Level::INFO,
        &[
            ("event_type", &"package.signed"),
            ("org_id", &bench.org),
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
    let refused = bench.keys.add_signature(id, &mut envelope).await;
    assert_refused!(refused, TrustError::Envelope(EnvelopeError::AlreadySignedBy { .. }));
    assert_eq!(envelope, before);
    bench.told_nothing();
}

async fn a_signatures_keeping_is_told_once(bench: Bench) {
    let envelope = SignatureEnvelope::sign(&statement(), &seed_key());
    let keep = async |org| bench.keys.store_signature(org, &envelope).await;
    keep(bench.org).await.unwrap();
    bench.told(
        Level::INFO,
        &[
            ("event_type", &"package.signature.stored"),
            ("org_id", &bench.org),
            ("package_name", &"a.so"),
            ("package_hash", &"07".repeat(32)),
        ],
    );
    assert!(matches!(keep(bench.org).await.unwrap(), Change::Unchanged(_)));
    assert_refused!(
        keep(OrgId::random()).await,
        TrustError::Store(StoreError::OrganizationNotFound)
    );
    bench.told_nothing();
    bench.logged(&[]).await;
}
