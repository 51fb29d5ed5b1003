//! Signers that nobody has reason to trust: whatever they return, an envelope carries only
//! signatures that verify.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

use signing_crypto::{
    AddSignatureError, AuditCheckpoint, DocumentHeader, DocumentVersion, DraftDocuments,
    DraftSignatureError, EntryHash, OrgId, PackageDigest, PackageStatement, Role, RoleKeys,
    RootDocument, SignatureEnvelope, SignedCheckpoint, SignedDocument, Signer, SignerCount,
    SignerError, SigningInput, SigningKey, VerifyingKey,
};

/// Says that it signs with `key`, and does something else.
#[derive(Debug)]
struct Hostile {
    key: SigningKey,
    does: Does,
}

#[derive(Clone, Copy, Debug)]
enum Does {
    Sign,
    UseAnotherKey,
    SignAnotherMessage,
    ReturnZeros,
    ChangeBit(usize),
    Fail,
}

impl Signer for Hostile {
    fn verifying_key(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    fn sign(&self, input: &SigningInput) -> Result<[u8; 64], SignerError> {
        match self.does {
            Does::Sign => Signer::sign(&self.key, input),
            Does::UseAnotherKey => Signer::sign(&SigningKey::generate().unwrap(), input),
            Does::SignAnotherMessage => {
                let statement = statement("other.so");
                let envelope = SignatureEnvelope::sign(&statement, &self.key);
                let json: serde_json::Value = serde_json::from_str(&envelope.to_json()).unwrap();
                Ok(from_base64(json["signatures"][0]["sig"].as_str().unwrap()))
            }
            Does::ReturnZeros => Ok([0; 64]),
            Does::ChangeBit(index) => {
                let mut bytes = Signer::sign(&self.key, input)?;
                bytes[index] ^= 1;
                Ok(bytes)
            }
            Does::Fail => Err(SignerError::Failed("the token was removed".into())),
        }
    }
}

fn from_base64(text: &str) -> [u8; 64] {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap().try_into().unwrap()
}

fn statement(name: &str) -> PackageStatement {
    PackageStatement::new(
        name.parse().unwrap(),
        PackageDigest::from_bytes([7; 32]),
        123_456,
        "2026-01-28T12:00:00Z".parse().unwrap(),
    )
}

fn checkpoint() -> AuditCheckpoint {
    AuditCheckpoint {
        store: "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap(),
        org: OrgId::random(),
        org_name: "acme".parse().unwrap(),
        sequence: 42,
        entry_hash: EntryHash::from_bytes([9; 32]),
        created_at: "2026-01-28T12:00:00Z".parse().unwrap(),
    }
}

/// A first root document, which nobody has signed.
fn draft(key: &VerifyingKey) -> DraftDocuments {
    let org = OrgId::random();
    let header = DocumentHeader {
        org,
        org_name: "acme".parse().unwrap(),
        version: DocumentVersion::FIRST,
        issued_at: "2026-01-28T12:00:00Z".parse().unwrap(),
        expires_at: "2027-01-28T12:00:00Z".parse().unwrap(),
    };
    let one = SignerCount::new(1).unwrap();
    let roles = Role::ALL.map(|_| RoleKeys::new([key.fingerprint()], one).unwrap());
    let root = RootDocument::new(header, [*key], roles).unwrap();
    let root = SignedDocument::unsigned(&root).unwrap();
    DraftDocuments::first(org, root, None, None).unwrap()
}

/// Everything that makes an envelope, or adds to one, with this signer.
fn sign_everything(signer: &dyn Signer) -> [Result<(), SignerError>; 4] {
    let key = signer.verifying_key();
    let made = SignatureEnvelope::sign_with(&statement("a.so"), signer)
        .map(|envelope| drop(envelope.verify(&key).unwrap()));
    let mut envelope =
        SignatureEnvelope::sign(&statement("a.so"), &SigningKey::generate().unwrap());
    let before = envelope.clone();
    let added = match envelope.add_signature(signer) {
        Ok(()) => {
            envelope.verify(&key).unwrap();
            Ok(())
        }
        Err(AddSignatureError::Signer(error)) => {
            assert_eq!(envelope, before);
            Err(error)
        }
        Err(other) => panic!("{other:?}"),
    };
    let checkpoint = SignedCheckpoint::sign(&checkpoint(), signer)
        .map(|signed| drop(signed.verify(&key).unwrap()));
    let mut draft = draft(&key);
    let before = draft.clone();
    let documents = match draft.sign(signer) {
        Ok(_) => {
            assert_eq!(draft.missing(), []);
            Ok(())
        }
        Err(DraftSignatureError::Signer(error)) => {
            assert_eq!(draft, before);
            Err(error)
        }
        Err(other) => panic!("{other:?}"),
    };
    [made, added, checkpoint, documents]
}

fn hostile(does: Does) -> Hostile {
    Hostile { key: SigningKey::generate().unwrap(), does }
}

#[test]
fn a_signer_that_signs_makes_every_kind_of_envelope() {
    for signed in sign_everything(&hostile(Does::Sign)) {
        signed.unwrap();
    }
    for signed in sign_everything(&SigningKey::generate().unwrap()) {
        signed.unwrap();
    }
}

#[test]
fn what_the_key_did_not_sign_comes_into_no_envelope() {
    for does in [
        Does::UseAnotherKey,
        Does::SignAnotherMessage,
        Does::ReturnZeros,
        Does::ChangeBit(0),
        Does::ChangeBit(32),
        Does::ChangeBit(63),
    ] {
        let signer = hostile(does);
        for signed in sign_everything(&signer) {
            let error = signed.unwrap_err();
            assert_eq!(error.code(), "WrongSignature", "{does:?}");
            assert!(
                matches!(error, SignerError::WrongSignature { fingerprint }
                    if fingerprint == signer.key.fingerprint()),
                "{does:?}"
            );
        }
    }
}

#[test]
fn a_signers_own_error_is_passed_on() {
    for signed in sign_everything(&hostile(Does::Fail)) {
        let error = signed.unwrap_err();
        assert!(matches!(error, SignerError::Failed(_)));
        assert_eq!(error.to_string(), "the token was removed");
    }
}

#[test]
fn a_signer_is_given_the_pre_authentication_encoding_and_does_not_show_it() {
    #[derive(Debug)]
    struct Compares(SigningKey, Vec<u8>);
    impl Signer for Compares {
        fn verifying_key(&self) -> VerifyingKey {
            self.0.verifying_key()
        }

        fn sign(&self, input: &SigningInput) -> Result<[u8; 64], SignerError> {
            assert_eq!(input.as_bytes(), self.1);
            assert_eq!(format!("{input:?}"), format!("SigningInput({} bytes)", self.1.len()));
            Signer::sign(&self.0, input)
        }
    }
    let payload = statement("a.so").to_json();
    let head = format!("DSSEv1 28 application/vnd.in-toto+json {} ", payload.len());
    let signer = Compares(SigningKey::generate().unwrap(), (head + &payload).into_bytes());
    SignatureEnvelope::sign_with(&statement("a.so"), &signer).unwrap();
}
