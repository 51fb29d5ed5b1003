//! Signers that are not trusted.

use signing_crypto::{MalformedEnvelope, SigningKey};
use signing_loader::{SignatureLocation, SignatureSource, VerificationError, sign_package};
use signing_trust::store::Revocation;
use signing_trust::{TrustLimits, UntrustedReason};

use super::{Target, refusal};
use crate::support::{
    World, assert_refused, corrupt_signature, edit, with_a_canary_on_both_backends,
};

with_a_canary_on_both_backends! {
    IsSilent:
    unsigned_package_is_rejected,
    package_of_an_unknown_signer_is_rejected,
    signer_that_only_another_organization_trusts_is_rejected,
    revoked_key_is_rejected,
    denied_key_is_rejected,
    corrupted_signature_is_rejected,
    signature_of_a_stranger_under_a_trusted_keys_name_is_rejected,
    changed_statement_is_rejected,
    stored_signature_of_an_unknown_signer_is_rejected,
}

async fn assert_untrusted(world: &World, target: &Target, why: UntrustedReason) {
    assert_refused!(
        Err::<(), _>(target.refusal(world).await),
        VerificationError::UntrustedSigner { fingerprint, reason }
            if (fingerprint, &reason) == (target.signature.signatures()[0].claimed_signer(), &why)
    );
}

async fn unsigned_package_is_rejected(world: World) {
    let target = Target::new(&world).await;
    for (source, place) in [
        (SignatureSource::Database, SignatureLocation::Store),
        (SignatureSource::Auto, SignatureLocation::FileOrStore(world.path("libworkflow.so.sig"))),
        (
            SignatureSource::DetachedFile(world.path("none.sig")),
            SignatureLocation::File(world.path("none.sig")),
        ),
    ] {
        assert_refused!(
            Err::<(), _>(refusal(&world, &target.path, target.org, source).await),
            VerificationError::SignatureNotFound { location } if location == place
        );
    }
}

async fn package_of_an_unknown_signer_is_rejected(world: World) {
    let mut target = Target::new(&world).await;
    target.signature = sign_package(&target.path, &SigningKey::generate().unwrap()).unwrap();
    assert_untrusted(&world, &target, UntrustedReason::Unknown).await;
}

async fn signer_that_only_another_organization_trusts_is_rejected(world: World) {
    let mut target = Target::new(&world).await;
    let acme = target.org;
    let other = world.org("other").await;
    // That the other accepts what acme trusts gives acme's packages nothing.
    target.org = other;
    assert_untrusted(&world, &target, UntrustedReason::Unknown).await;

    world.keys.grant_trust(acme, other, TrustLimits::default()).await.unwrap();
    assert_untrusted(&world, &target, UntrustedReason::Unknown).await;
}

async fn revoked_key_is_rejected(world: World) {
    let target = Target::new(&world).await;
    let revoked = world
        .keys
        .revoke_trusted_key(target.trusted.id, Revocation::retired())
        .await
        .unwrap()
        .into_inner();
    let at = revoked.revoked_at.unwrap();
    assert_untrusted(&world, &target, UntrustedReason::Revoked { at }).await;
}

async fn denied_key_is_rejected(world: World) {
    let mut target = Target::new(&world).await;
    let parent = world.org("parent").await;
    world.keys.grant_trust(parent, target.org, TrustLimits::default()).await.unwrap();
    let fingerprint = target.key.fingerprint;
    let denied = world.keys.deny_key(parent, &fingerprint, None).await.unwrap().into_inner();
    target.org = parent;

    let at = denied.revoked_at.unwrap();
    assert_untrusted(&world, &target, UntrustedReason::Denied { at }).await;
}

async fn assert_invalid(world: &World, target: &Target) {
    assert_refused!(
        Err::<(), _>(target.refusal(world).await),
        VerificationError::InvalidSignature { fingerprint }
            if fingerprint == target.key.fingerprint
    );
}

async fn corrupted_signature_is_rejected(world: World) {
    let mut target = Target::new(&world).await;
    let honest = target.signature.clone();

    target.signature = corrupt_signature(&honest);
    assert_invalid(&world, &target).await;

    for bytes in ["", "AAAA", &"A".repeat(88), &"/".repeat(88)] {
        target.signature = edit(&honest, |json| json["signatures"][0]["sig"] = bytes.into());
        assert_invalid(&world, &target).await;
    }
}

async fn signature_of_a_stranger_under_a_trusted_keys_name_is_rejected(world: World) {
    let mut target = Target::new(&world).await;
    let strange = sign_package(&target.path, &SigningKey::generate().unwrap()).unwrap();
    let keyid = target.key.fingerprint.to_string();

    target.signature = edit(&strange, |json| json["signatures"][0]["keyid"] = keyid.into());

    assert_invalid(&world, &target).await;
}

async fn changed_statement_is_rejected(world: World) {
    let mut target = Target::new(&world).await;
    let honest = target.signature.clone();
    // What an attacker would like acme to have signed.
    let wish = sign_package(&target.path, &SigningKey::generate().unwrap()).unwrap();
    let wish: serde_json::Value = serde_json::from_str(&wish.to_json()).unwrap();
    let other = world.file("other.so", b"what acme did sign");
    let signed = world.sign(&other, &target.key).await;

    target.signature = edit(&signed, |json| json["payload"] = wish["payload"].clone());
    assert_invalid(&world, &target).await;

    // The type is signed as well: nothing that acme signs for another purpose counts.
    target.signature = edit(&honest, |json| json["payloadType"] = "text/plain".into());
    assert_invalid(&world, &target).await;
    let unread = target.signature.unverified_statement();
    assert_refused!(unread, MalformedEnvelope::PayloadType { found, .. } if found == "text/plain");
}

async fn stored_signature_of_an_unknown_signer_is_rejected(world: World) {
    let target = Target::new(&world).await;
    let stranger = SigningKey::generate().unwrap();
    let envelope = sign_package(&target.path, &stranger).unwrap();
    world.keys.store_signature(target.org, &envelope).await.unwrap();

    for source in [SignatureSource::Database, SignatureSource::Auto] {
        assert_refused!(
            Err::<(), _>(refusal(&world, &target.path, target.org, source).await),
            VerificationError::UntrustedSigner { fingerprint, reason: UntrustedReason::Unknown }
                if fingerprint == Some(stranger.fingerprint())
        );
    }
}
