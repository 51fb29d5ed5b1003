use std::borrow::Cow;
use std::path::Path;

use signing_crypto::{
    KekError, MAX_PASSPHRASE_SIZE, PassphraseError, PemError, PemForm, WrapError, shell_word,
};

use super::{Advice, GIVE_PASSPHRASE, undecided, unknown};
use crate::error::Outcome;
use crate::key_files;
use crate::ssh::OpensshKeyError;

const MAKE_KEY: &str = "make an Ed25519 key: cloacina keys generate --name <name> --output <file>";
const ENCRYPT_AGAIN: &str = "if you trust the file, re-encrypt the key: openssl pkcs8 -topk8 -iter 600000 -in <file> \
     -out <new file>";
pub(super) const ELSEWHERE: &str =
    "make keys on another machine: this one provides no random numbers";
pub(super) const STORES_KEK: &str = "give the store's key encryption key: --kek-file <file>";
pub(crate) const GIVE_KEK: &str = "give the store's key encryption key: CLOACINA_KEY_ENCRYPTION_KEY_FILE=<file> or --kek-file \
     <file>";

pub(super) const OPENSSH_STAYS: &str = "trust its public half: cloacina keys trust --import <file>.pub; then load the private key into an \
     agent, ssh-add <file>, and sign with --key agent:<comment>; or make a key in the store: cloacina \
     keys generate --name <name>";
pub(super) const STAYS_ELSEWHERE: &str = "trust its public half: cloacina keys trust --import <public key>; then sign with --key and the key \
     that you gave";

pub(super) const NEW_KEK: &str = "make a file that stays, then give that: (umask 077; openssl rand -hex 32 > new.kek) && \
     cloacina keys rotate-kek --new-kek-file new.kek";

pub(super) fn kek(error: &KekError) -> Advice {
    let next: Cow<'static, str> = match error {
        KekError::Missing { var } => {
            format!("set {var} to the store's key, or unset it and give --kek-file").into()
        }
        KekError::Encoding | KekError::Length { .. } => {
            "give 64 hexadecimal digits, or the base64 of 32 bytes".into()
        }
        _ => return unknown(error.code(), Outcome::Undecided),
    };
    undecided(error.code(), next)
}

pub(super) fn wrap(error: &WrapError) -> Advice {
    let next = match error {
        WrapError::OtherKek { .. } => STORES_KEK,
        WrapError::UnknownVersion { .. } | WrapError::Length { .. } | WrapError::Rejected => {
            "check that the key encryption key is the store's, then restore the private key from \
             a backup"
        }
        WrapError::Randomness(_) => ELSEWHERE,
        _ => return unknown(error.code(), Outcome::Undecided),
    };
    undecided(error.code(), next)
}

pub(super) fn passphrase(error: &PassphraseError) -> Advice {
    let next: Cow<'static, str> = match error {
        PassphraseError::Empty | PassphraseError::TooLong { .. } => {
            format!("give a passphrase of 1 to {MAX_PASSPHRASE_SIZE} bytes").into()
        }
        PassphraseError::Randomness(_) => ELSEWHERE.into(),
        _ => return unknown(error.code(), Outcome::Undecided),
    };
    undecided(error.code(), next)
}

pub(super) fn file(error: &PemError) -> Advice {
    let next: Cow<'static, str> = match error {
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
            ENCRYPT_AGAIN.into()
        }
        _ => return unknown(error.code(), Outcome::Undecided),
    };
    undecided(error.code(), next)
}

pub(super) fn openssh(error: &OpensshKeyError) -> Advice {
    let next = match error {
        OpensshKeyError::SeveralLines { .. } => "give a file with one key, and nothing else",
        OpensshKeyError::Algorithm { .. } => {
            "make an Ed25519 key: ssh-keygen -t ed25519 -f <file>; options before a key, as in \
             authorized_keys, are not read"
        }
        OpensshKeyError::Malformed => "get the file again, or restore it from a backup",
        OpensshKeyError::Key(_) => "do not use this key: find out who made it, and make another",
    };
    undecided("InvalidKeyFile", next)
}

fn form(expected: PemForm, found: PemForm) -> Cow<'static, str> {
    match (expected, found) {
        (PemForm::PublicKey, PemForm::OpensshPrivateKey) => {
            "give the public half, which is beside it: <file>.pub".into()
        }
        (_, PemForm::OpensshPrivateKey | PemForm::OpensshPublicKey) => {
            "load the private key into an agent: ssh-add <file>; then sign with --key \
             agent:<comment>; ssh-add -l shows the comment"
                .into()
        }
        (PemForm::PublicKey, PemForm::PrivateKey | PemForm::EncryptedPrivateKey) => {
            "give the public half: openssl pkey -in <file> -pubout".into()
        }
        (PemForm::PrivateKey | PemForm::EncryptedPrivateKey, PemForm::PublicKey) => {
            "give the private key's file; the public half cannot sign".into()
        }
        (PemForm::EncryptedPrivateKey, PemForm::PrivateKey) => {
            "a passphrase was given, and the key in this file is not encrypted: give the encrypted \
             file, or encrypt this one: openssl pkcs8 -topk8 -iter 600000 -in <file> -out <new file>"
                .into()
        }
        (_, PemForm::Der) => {
            "if it is an Ed25519 key, write it as PEM: openssl pkey -inform DER -in <file> -out \
             <new file>"
                .into()
        }
        _ => format!("give the requested file, or {MAKE_KEY}").into(),
    }
}

pub(super) fn encrypted_half(path: &Path) -> Advice {
    let public = shell_word(key_files::public_key_path(path));
    let next = format!(
        "give the public key's file instead; to write it: openssl pkey -in {} -pubout -out {public}",
        shell_word(path)
    );
    undecided("PassphraseNeeded", next)
}
