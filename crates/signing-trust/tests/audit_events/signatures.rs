use signing_crypto::{OrgId, SignatureEnvelope};
use signing_trust::TrustError;
use signing_trust::store::Change;
use tracing::Level;

use crate::bench::{Bench, seed_key, statement};

#[tokio::test]
async fn a_signing_is_told_each_time_and_is_no_change() {
    let bench = Bench::new().await;
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
    assert!(matches!(refused, Err(TrustError::SigningKeyRevoked { .. })));
    bench.told_nothing();
    bench.logged(&["key.signing.created", "key.signing.revoked"]).await;
}

#[tokio::test]
async fn a_signatures_keeping_is_told_once() {
    let bench = Bench::new().await;
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
    assert!(matches!(keep(bench.org).await.unwrap(), Change::AlreadySo(_)));
    assert!(keep(OrgId::random()).await.is_err());
    bench.told_nothing();
    bench.logged(&[]).await;
}
