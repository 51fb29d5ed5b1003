//! What only a checkpoint shows: the owner of the database can compute hashes.

use std::slice;

use signing_crypto::{
    AuditCheckpoint, EntryHash, OrgId, SignedCheckpoint, SigningKey, StoreId, VerifiedCheckpoint,
};
use signing_trust::TrustError;
use signing_trust::store::{AuditFaultKind as Kind, IntactLog};

use super::forger::{assert_broken, entry, forge, log, rewrite, verified, victim};
use crate::support::{World, assert_refused, on_both_backends};

on_both_backends! {
    log_that_went_on_from_its_checkpoint_is_whole,
    rewritten_history_is_found_with_a_checkpoint_only,
    tail_cut_with_its_head_is_found_with_a_checkpoint_only,
    tail_cut_and_rewritten_is_found_with_a_checkpoint_only,
    log_that_is_gone_is_found_with_a_checkpoint,
    older_checkpoint_counts_beside_a_newer_one,
    checkpoint_of_another_store_is_refused,
    checkpoint_of_another_organization_is_refused,
    broken_log_gets_no_checkpoint,
}

/// A checkpoint of a log as it is now, as it comes back from where it was kept.
async fn checkpoint(world: &World, org: OrgId) -> VerifiedCheckpoint {
    let key = SigningKey::generate().unwrap();
    let (_, signed) = world.keys.sign_checkpoint(org, &key, &[]).await.unwrap();
    let kept = SignedCheckpoint::parse(signed.to_json().as_bytes()).unwrap();
    kept.verify(&key.verifying_key()).unwrap()
}

/// One that says something else.
fn forged(checkpoint: &AuditCheckpoint) -> VerifiedCheckpoint {
    let key = SigningKey::generate().unwrap();
    SignedCheckpoint::sign(checkpoint, &key).unwrap().verify(&key.verifying_key()).unwrap()
}

async fn verify(
    world: &World,
    org: OrgId,
    checkpoint: &VerifiedCheckpoint,
) -> Result<IntactLog, TrustError> {
    world.keys.verify_audit_log(org, slice::from_ref(checkpoint)).await
}

/// Takes the entries after the third away, and sets the head back.
async fn cut(world: &World, org: OrgId) {
    let mut shorter = log(world, org).await;
    shorter.truncate(3);
    rewrite(world, shorter).await;
    assert_eq!(verified(world, org).await.entries, 3);
}

async fn deny_strangers(world: &World, org: OrgId, count: usize) {
    for _ in 0..count {
        let stranger = SigningKey::generate().unwrap().fingerprint();
        world.keys.deny_key(org, &stranger, None).await.unwrap();
    }
}

async fn log_that_went_on_from_its_checkpoint_is_whole(world: World) {
    let org = world.vendor("acme").await.org;
    let kept = checkpoint(&world, org).await;
    let said = kept.checkpoint();
    let last = log(&world, org).await.pop().unwrap();
    assert_eq!((said.sequence, said.org, said.org_name.as_str()), (3, org, "acme"));
    assert_eq!(said.entry_hash.as_bytes().as_slice(), last.entry_hash);
    assert_eq!(said.store, world.store.state().await.unwrap().store_id);

    assert_eq!(verify(&world, org, &kept).await.unwrap().entries, 3);
    deny_strangers(&world, org, 2).await;
    assert_eq!(verify(&world, org, &kept).await.unwrap().entries, 5);
    world.keys.delete_organization(org).await.unwrap();
    assert_eq!(verify(&world, org, &kept).await.unwrap().entries, 6);
}

async fn rewritten_history_is_found_with_a_checkpoint_only(world: World) {
    let org = victim(&world).await;
    let kept = checkpoint(&world, org).await;
    let mut changed = log(&world, org).await;
    changed[1].details = changed[1].details.replace("release", "nothing");
    rewrite(&world, changed).await;

    assert_eq!(verified(&world, org).await.entries, 5);
    assert_broken(verify(&world, org, &kept).await, org, 5, Kind::CheckpointDiffers);
}

async fn tail_cut_with_its_head_is_found_with_a_checkpoint_only(world: World) {
    let org = victim(&world).await;
    let kept = checkpoint(&world, org).await;
    cut(&world, org).await;
    assert_broken(verify(&world, org, &kept).await, org, 4, Kind::CutOff);
}

async fn tail_cut_and_rewritten_is_found_with_a_checkpoint_only(world: World) {
    let org = victim(&world).await;
    let kept = checkpoint(&world, org).await;
    cut(&world, org).await;

    deny_strangers(&world, org, 1).await;
    verified(&world, org).await;
    assert_broken(verify(&world, org, &kept).await, org, 5, Kind::CutOff);

    deny_strangers(&world, org, 3).await;
    verified(&world, org).await;
    assert_broken(verify(&world, org, &kept).await, org, 5, Kind::CheckpointDiffers);
}

async fn log_that_is_gone_is_found_with_a_checkpoint(world: World) {
    let org = victim(&world).await;
    let kept = checkpoint(&world, org).await;
    let id = world.database.id(org.as_uuid());
    for table in ["audit_log", "audit_heads"] {
        forge(&world, &format!("DELETE FROM {table} WHERE org_id = {id}")).await;
    }
    assert_broken(verify(&world, org, &kept).await, org, 0, Kind::HeadMissing);
}

async fn older_checkpoint_counts_beside_a_newer_one(world: World) {
    let org = victim(&world).await;
    let before = checkpoint(&world, org).await;
    cut(&world, org).await;
    deny_strangers(&world, org, 3).await;
    let after = checkpoint(&world, org).await;

    let both = [after.clone(), before.clone()];
    let found = world.keys.verify_audit_log(org, &both).await;
    assert_broken(found, org, 5, Kind::CheckpointDiffers);
    let later = checkpoint(&world, org).await;
    world.keys.verify_audit_log(org, &[later, after]).await.unwrap();
}

async fn checkpoint_of_another_store_is_refused(world: World) {
    let org = world.vendor("acme").await.org;
    let kept = checkpoint(&world, org).await;
    let elsewhere = StoreId::random();
    let other = forged(&AuditCheckpoint { store: elsewhere, ..kept.checkpoint().clone() });
    assert_refused!(
        verify(&world, org, &other).await,
        TrustError::CheckpointOfAnotherStore { expected, .. } if expected == elsewhere
    );
    verify(&world, org, &forged(kept.checkpoint())).await.unwrap();
}

async fn checkpoint_of_another_organization_is_refused(world: World) {
    let org = world.vendor("acme").await.org;
    let other = world.org("other").await;
    let kept = checkpoint(&world, other).await;
    assert_refused!(
        verify(&world, org, &kept).await,
        TrustError::CheckpointOfAnotherOrganization { expected, found }
            if (expected, found) == (other, org)
    );
    // Nor does it help to put the one's id into the other's.
    let renamed = forged(&AuditCheckpoint { org, ..kept.checkpoint().clone() });
    assert_broken(verify(&world, org, &renamed).await, org, 1, Kind::CheckpointDiffers);
    let beyond = AuditCheckpoint {
        sequence: u64::MAX,
        entry_hash: EntryHash::from_bytes([0; 32]),
        ..kept.checkpoint().clone()
    };
    assert_broken(verify(&world, other, &forged(&beyond)).await, other, 2, Kind::CutOff);
}

async fn broken_log_gets_no_checkpoint(world: World) {
    let org = victim(&world).await;
    let one = entry(&world, org, 2);
    forge(&world, &format!("UPDATE audit_log SET details = '{{}}' {one}")).await;
    let key = SigningKey::generate().unwrap();
    let refused = world.keys.sign_checkpoint(org, &key, &[]).await;
    assert_refused!(
        refused,
        TrustError::AuditLogBroken(fault) if (fault.sequence, fault.kind) == (2, Kind::Edited)
    );
}
