//! Signature files that are none, or of another package.

use std::fs::{self, File};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use signing_crypto::{ForeignFormat, MAX_ENVELOPE_SIZE, MalformedEnvelope};
use signing_loader::{SignatureSource, VerificationError, verify_package};

use super::files::make_fifo;
use super::{Target, refusal};
use crate::support::{World, assert_refused, with_a_canary_on_both_backends};

with_a_canary_on_both_backends! {
    IsSilent:
    garbage_is_rejected,
    empty_signature_is_rejected,
    signature_of_another_tool_is_rejected,
    signature_larger_than_64_kib_is_rejected,
    sparse_signature_of_4_gib_is_rejected,
    signature_that_is_not_a_regular_file_is_rejected,
    signed_package_in_the_place_of_another_is_rejected,
    signature_of_another_package_is_rejected,
}

impl Target {
    fn beside(&self) -> PathBuf {
        self.path.with_extension("so.sig")
    }

    /// Why the package is refused with the file beside it.
    async fn refusal_beside(&self, world: &World) -> VerificationError {
        let by_name = SignatureSource::DetachedFile(self.beside());
        let named = refusal(world, &self.path, self.org, by_name).await;
        let found = refusal(world, &self.path, self.org, SignatureSource::Auto).await;
        assert_eq!(format!("{named:?}"), format!("{found:?}"));
        found
    }
}

async fn malformed(world: &World, target: &Target) -> MalformedEnvelope {
    match target.refusal_beside(world).await {
        VerificationError::MalformedSignature { reason } => reason,
        other => panic!("expected a malformed signature, found {other:?}"),
    }
}

async fn garbage_is_rejected(world: World) {
    let target = Target::new(&world).await;
    let good = target.signature.to_json();
    let truncated = &good.as_bytes()[..good.len() - 1];
    let trailing = format!("{good}x");
    let nested = "[".repeat(60_000);
    for bytes in [&b"garbage"[..], b"{}", b"\0", truncated, trailing.as_bytes(), nested.as_bytes()]
    {
        fs::write(target.beside(), bytes).unwrap();
        let reason = malformed(&world, &target).await;
        assert!(matches!(reason, MalformedEnvelope::Json(_)), "{reason:?}");
    }
}

async fn empty_signature_is_rejected(world: World) {
    let target = Target::new(&world).await;
    fs::write(target.beside(), "").unwrap();
    let reason = malformed(&world, &target).await;
    assert!(matches!(reason, MalformedEnvelope::Empty), "{reason:?}");
}

async fn signature_of_another_tool_is_rejected(world: World) {
    let target = Target::new(&world).await;
    for (start, wanted) in [
        ("-----BEGIN PGP SIGNATURE-----\n\niQEz\n", ForeignFormat::Pgp),
        ("-----BEGIN SSH SIGNATURE-----\nU1NI\n", ForeignFormat::SshSig),
        ("untrusted comment: signature from minisign\n", ForeignFormat::Minisign),
        ("-----BEGIN PUBLIC KEY-----\nMCow\n", ForeignFormat::Pem),
        ("\x7fELF", ForeignFormat::Elf),
    ] {
        fs::write(target.beside(), start).unwrap();
        let reason = malformed(&world, &target).await;
        let MalformedEnvelope::Foreign { format } = reason else { panic!("{reason:?}") };
        assert_eq!(format, wanted);
    }
}

async fn assert_too_large(world: &World, target: &Target) {
    let reason = malformed(world, target).await;
    assert!(
        matches!(reason, MalformedEnvelope::TooLarge { limit: MAX_ENVELOPE_SIZE }),
        "{reason:?}"
    );
}

async fn signature_larger_than_64_kib_is_rejected(world: World) {
    let target = Target::new(&world).await;
    let mut padded = target.signature.to_json().into_bytes();
    padded.resize(MAX_ENVELOPE_SIZE, b' ');
    fs::write(target.beside(), &padded).unwrap();
    let (config, keys) = (&world.config, &world.keys);
    let verified = verify_package(&target.path, target.org, config, keys, SignatureSource::Auto);
    assert!(verified.await.is_ok());

    padded.push(b' ');
    fs::write(target.beside(), &padded).unwrap();
    assert_too_large(&world, &target).await;
}

async fn sparse_signature_of_4_gib_is_rejected(world: World) {
    let target = Target::new(&world).await;
    File::create(target.beside()).unwrap().set_len(4 << 30).unwrap();
    assert_too_large(&world, &target).await;
}

async fn signature_that_is_not_a_regular_file_is_rejected(world: World) {
    let target = Target::new(&world).await;
    let beside = target.beside();
    let makers: [fn(&Path); 4] = [
        |path| fs::create_dir(path).unwrap(),
        make_fifo,
        |path| drop(UnixListener::bind(path).unwrap()),
        |path| std::os::unix::fs::symlink("/dev/zero", path).unwrap(),
    ];
    for make in makers {
        make(&beside);
        assert_refused!(
            Err::<(), _>(target.refusal_beside(&world).await),
            VerificationError::NotARegularFile { path } if path == beside
        );
        fs::remove_dir(&beside).or_else(|_| fs::remove_file(&beside)).unwrap();
    }
}

async fn signed_package_in_the_place_of_another_is_rejected(world: World) {
    let target = Target::new(&world).await;
    let place = world.path("libbilling.so");
    fs::rename(&target.path, &place).unwrap();
    fs::write(world.path("libbilling.so.sig"), target.signature.to_json()).unwrap();
    world.keys.store_signature(target.org, &target.signature).await.unwrap();

    for source in [SignatureSource::Auto, SignatureSource::Database, target.memory()] {
        assert_refused!(
            Err::<(), _>(refusal(&world, &place, target.org, source).await),
            VerificationError::WrongName { expected, signed }
                if (expected.as_str(), signed.as_str()) == ("libbilling.so", "libworkflow.so")
        );
    }
}

async fn signature_of_another_package_is_rejected(world: World) {
    let mut target = Target::new(&world).await;
    let good = fs::read(crate::support::workflow()).unwrap();
    let hostile = fs::read(&target.path).unwrap();
    // Signed under the same name, and of the same size, so that only the bytes differ.
    let size = good.len().max(hostile.len());
    let resized = |mut bytes: Vec<u8>| {
        bytes.resize(size, 0);
        bytes
    };
    fs::write(&target.path, resized(good)).unwrap();
    target.signature = world.sign(&target.path, &target.key).await;

    fs::write(&target.path, resized(hostile)).unwrap();

    assert_refused!(
        Err::<(), _>(target.refusal(&world).await),
        VerificationError::TamperedPackage { expected, .. } if expected.size == size as u64
    );
}
