//! Trusted signatures that are not enough, or not any more.

use chrono::{TimeDelta, Utc};
use signing_crypto::SigningKey;
use signing_loader::{
    PackageError, RequiredSigners, SignatureSource, SignerCount, VerificationError,
    package_statement,
};

use super::Target;
use crate::support::{World, add_signature, assert_refused, edit, with_a_canary_on_both_backends};

with_a_canary_on_both_backends! {
    IsSilent:
    expired_package_is_rejected,
    expiry_cannot_be_put_off,
    package_of_too_few_signers_is_rejected,
}

impl Target {
    /// Signs again, so that the signature expired a second ago.
    async fn expire(&mut self, world: &World) {
        let expiry = Utc::now() - TimeDelta::seconds(1);
        let statement = package_statement(&self.path).unwrap();
        let statement = statement.with_expiry(expiry.try_into().unwrap());
        self.signature = world.keys.sign_statement(self.key.id, &statement).await.unwrap();
    }
}

async fn expired_package_is_rejected(world: World) {
    let mut target = Target::new(&world).await;
    target.expire(&world).await;
    world.keys.store_signature(target.org, &target.signature).await.unwrap();
    for source in [target.memory(), SignatureSource::Database, SignatureSource::Auto] {
        assert_refused!(
            world.load(&target.path, target.org, source).await,
            PackageError::Verification(VerificationError::Expired { .. })
        );
    }
}

async fn expiry_cannot_be_put_off(world: World) {
    let mut target = Target::new(&world).await;
    let endless: serde_json::Value = serde_json::from_str(&target.signature.to_json()).unwrap();
    target.expire(&world).await;
    // The payload of another signature by the same key, which has no expiry.
    target.signature = edit(&target.signature, |json| json["payload"] = endless["payload"].clone());
    assert_eq!(target.signature.unverified_statement().unwrap().expires_at(), None);
    assert_refused!(
        Err::<(), _>(target.refusal(&world).await),
        VerificationError::InvalidSignature { fingerprint }
            if fingerprint == target.key.fingerprint
    );
}

async fn package_of_too_few_signers_is_rejected(mut world: World) {
    let mut target = Target::new(&world).await;
    let two = SignerCount::new(2).unwrap();
    let stranger = SigningKey::generate().unwrap();
    target.signature = add_signature(&target.signature, &stranger);
    for required in [RequiredSigners::Keys(two), RequiredSigners::Organizations(two)] {
        world.config.required_signers = required;
        assert_refused!(
            Err::<(), _>(target.refusal(&world).await),
            VerificationError::NotEnoughSigners { required: said, found: 1, .. }
                if said == required
        );
    }
    // Two keys of one organization are two keys, and one organization.
    world.keys.trust_public_key(target.org, &stranger.verifying_key(), None, None).await.unwrap();
    assert_refused!(
        Err::<(), _>(target.refusal(&world).await),
        VerificationError::NotEnoughSigners { found: 1, .. }
    );
}
