use signing_crypto::{
    KekError, KeyError, MAX_PASSPHRASE_SIZE, PassphraseError, PemError, PemForm, WrapError,
};

use super::GIVE_PASSPHRASE;

const MAKE_KEY: &str = "make an Ed25519 key: cloacina keys generate --name <name> --output <file>";
const ENCRYPT_ANEW: &str = "if you trust the file, encrypt the key anew: openssl pkcs8 -topk8 -iter 600000 -in <file> \
     -out <new file>";
const ELSEWHERE: &str = "make keys on another machine: this one gives no random numbers";
/// Where the key encryption key is from is not known here: the file comes first.
pub(super) const STORES_KEK: &str = "give the store's key: in the file that --kek-file names, or without that option in \
     CLOACINA_KEY_ENCRYPTION_KEY";

pub(super) fn kek(error: &KekError) -> Option<String> {
    Some(match error {
        KekError::Missing { var } if var != "CLOACINA_KEY_ENCRYPTION_KEY" => {
            format!("set {var}, or give --new-kek-file; make a key with: openssl rand -hex 32")
        }
        KekError::Missing { var } => {
            format!(
                "set {var}, or give --kek-file; for a new store, make a key with: openssl rand -hex 32; \
                 to refuse a stolen key without it: cloacina keys deny <fingerprint> \
                 --danger-everywhere"
            )
        }
        KekError::Encoding | KekError::Length { .. } => {
            "give 64 hexadecimal digits, or the base64 of 32 bytes".into()
        }
        _ => return None,
    })
}

pub(super) fn wrap(error: &WrapError) -> Option<String> {
    Some(match error {
        WrapError::OtherKek { .. } => STORES_KEK.into(),
        WrapError::UnknownVersion { .. } | WrapError::Length { .. } | WrapError::Rejected => {
            "check that the key encryption key is the store's, then restore the private key from \
             a backup"
                .into()
        }
        WrapError::Randomness(_) => ELSEWHERE.into(),
        _ => return None,
    })
}

pub(super) fn key(error: &KeyError) -> Option<String> {
    Some(match error {
        KeyError::Length { .. }
        | KeyError::NotAPoint
        | KeyError::NotCanonical
        | KeyError::SmallOrder
        | KeyError::MixedOrder => MAKE_KEY.into(),
        KeyError::Randomness(_) => ELSEWHERE.into(),
        _ => return None,
    })
}

pub(super) fn passphrase(error: &PassphraseError) -> Option<String> {
    Some(match error {
        PassphraseError::Empty | PassphraseError::TooLong { .. } => {
            format!("give a passphrase of 1 to {MAX_PASSPHRASE_SIZE} bytes")
        }
        PassphraseError::Randomness(_) => ELSEWHERE.into(),
        _ => return None,
    })
}

pub(super) fn file(error: &PemError) -> Option<String> {
    Some(match error {
        PemError::TooLarge { .. } | PemError::SeveralBlocks { .. } => {
            "give a file with one key in PEM, and nothing else".into()
        }
        PemError::WrongForm { expected, found } => form(*expected, *found),
        PemError::Algorithm { .. } => MAKE_KEY.into(),
        PemError::Malformed => "get the file again, or restore it from a backup".into(),
        PemError::PublicHalfMismatch | PemError::Key(_) => {
            "do not use this key: find out who made it, and make another".into()
        }
        PemError::PassphraseNeeded => GIVE_PASSPHRASE.into(),
        PemError::WrongPassphrase => {
            "try the passphrase: openssl pkey -in <file> -noout; if it is right, restore the file \
             from a backup"
                .into()
        }
        PemError::CostTooHigh { .. } | PemError::UnsupportedEncryption { .. } => {
            ENCRYPT_ANEW.into()
        }
        _ => return None,
    })
}

fn form(expected: PemForm, found: PemForm) -> String {
    match (expected, found) {
        (PemForm::PublicKey, PemForm::PrivateKey | PemForm::EncryptedPrivateKey) => {
            "give the public half: openssl pkey -in <file> -pubout".into()
        }
        (PemForm::PrivateKey | PemForm::EncryptedPrivateKey, PemForm::PublicKey) => {
            "give the private key's file; the public half cannot sign".into()
        }
        (PemForm::EncryptedPrivateKey, PemForm::PrivateKey) => {
            "the key lies open in this file, and a passphrase was given: give the encrypted file, \
             or encrypt this one: openssl pkcs8 -topk8 -iter 600000 -in <file> -out <new file>"
                .into()
        }
        (_, PemForm::Der) => {
            "if it is an Ed25519 key, write it as PEM: openssl pkey -inform DER -in <file> -out \
             <new file>"
                .into()
        }
        _ => format!("give the file that is asked for, or {MAKE_KEY}"),
    }
}
