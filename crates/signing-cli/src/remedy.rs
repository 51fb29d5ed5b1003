use signing_crypto::{KekError, PemError, PemForm};
use signing_loader::{PackageError, VerificationError};
use signing_trust::store::{StoreError, UrlError};
use signing_trust::{TrustError, UntrustedReason};

use crate::error::{CliError, Place};

const GIVE_PASSPHRASE: &str = "set CLOACINA_KEY_PASSPHRASE, or give --passphrase-file <file> or \
                               --passphrase-fd <number>";

/// The next safe step after an error. Never one that loosens what is asked.
pub(crate) fn remedy(error: &CliError) -> Option<String> {
    match error {
        CliError::Package(PackageError::Verification(error)) => verification(error),
        CliError::Package(PackageError::Trust(error)) | CliError::Trust(error) => trust(error),
        CliError::Store(error) => store(error),
        CliError::Url(
            UrlError::Insecure { .. }
            | UrlError::SslMode { .. }
            | UrlError::RootCertificatesUnused { .. },
        ) => Some(
            "add sslmode=verify-full to the URL, and sslrootcert=<PEM file> for a private \
             authority"
                .into(),
        ),
        CliError::Url(_) => Some("give postgres://user@host/database or a file's path".into()),
        CliError::PasswordOnCommandLine => {
            Some("put the whole URL into the environment variable CLOACINA_DATABASE_URL".into())
        }
        CliError::Kek(KekError::Missing { var }) if var != "CLOACINA_KEY_ENCRYPTION_KEY" => Some(
            format!("set {var}, or give --new-kek-file; make a key with: openssl rand -hex 32"),
        ),
        CliError::Kek(KekError::Missing { .. }) => Some(
            "set CLOACINA_KEY_ENCRYPTION_KEY to the store's key; for a new store, make one with: \
             openssl rand -hex 32"
                .into(),
        ),
        CliError::Kek(_) => Some("give 64 hexadecimal digits, or the base64 of 32 bytes".into()),
        CliError::InvalidTime { .. } => Some(
            "give a time such as 2027-01-01T12:00:00Z, or a date: it begins at 00:00 UTC".into(),
        ),
        CliError::Pattern(_) => Some(
            "give each pattern with a --packages of its own, such as --packages 'etl-*'".into(),
        ),
        CliError::NoSuchCommand { .. } => Some("see which there are: cloacina help".into()),
        CliError::NoSuchOrganization { similar: Some(name), .. } => {
            Some(format!("did you mean {name}?"))
        }
        CliError::NoSuchOrganization { similar: None, .. } => {
            Some("see which there are: cloacina orgs list".into())
        }
        CliError::NoSuchKey { .. }
        | CliError::AmbiguousKey { .. }
        | CliError::KeyPrefixTooShort { .. } => {
            Some("see which there are: cloacina keys list --org <org>".into())
        }
        CliError::NotAdded { place: Place::File(_), .. } => Some(
            "sign into another file with --output, or replace these signatures with --force".into(),
        ),
        CliError::NotAdded { place: Place::Store, .. } => {
            Some("sign anew rather than add, with --force".into())
        }
        CliError::ChangedMeanwhile { .. } => Some("sign again: nothing was written to it".into()),
        CliError::FileExists { .. } | CliError::NotASignature { .. } => {
            Some("choose another file, or replace this one with --force".into())
        }
        CliError::KeyFile { source, .. } => key_file(source),
        CliError::NoSuchEventType { similar: Some(name), .. } => {
            Some(format!("did you mean {name}?"))
        }
        CliError::NoSuchEventType { similar: None, .. } | CliError::EventPattern { .. } => {
            Some("see which there are: cloacina audit list --org <org>".into())
        }
        CliError::NoCheckpoint { .. } | CliError::Checkpoint { .. } => Some(
            "get the file that cloacina audit checkpoint wrote, and the public key that signed it, \
             from where they are kept"
                .into(),
        ),
        CliError::NoTerminal | CliError::StandardInputTwice => Some(GIVE_PASSPHRASE.into()),
        _ => None,
    }
}

fn verification(error: &VerificationError) -> Option<String> {
    Some(match error {
        VerificationError::SignatureNotFound { .. } => {
            "ask whoever built the package for its .sig file".into()
        }
        VerificationError::MalformedSignature { .. } => {
            "get the .sig file again from whoever built the package".into()
        }
        VerificationError::UntrustedSigner { reason, fingerprint } => match reason {
            UntrustedReason::Unknown => match fingerprint {
                Some(_) => "find out whose key this is; if it is one to trust: \
                            cloacina keys trust --org <org> --import <public key>"
                    .into(),
                None => "have the package signed by a key that is trusted".into(),
            },
            UntrustedReason::NotPinned => {
                "find out whose key this is before you give its public key with --trust-key".into()
            }
            _ => "have the package signed by a key that is trusted now".into(),
        },
        VerificationError::InvalidSignature { .. } | VerificationError::TamperedPackage { .. } => {
            "do not use this file: get the package and its .sig again from whoever built it".into()
        }
        VerificationError::NotEnoughSigners { .. } => {
            "have another who is trusted add a signature: cloacina package sign <package> --key \
             <private key>"
                .into()
        }
        VerificationError::NoOrganizations { .. } => {
            "verify by an organisation's trust, with --org".into()
        }
        VerificationError::WrongName { signed, .. } => {
            format!("give the file the name that was signed, {signed}, or sign it under its own")
        }
        VerificationError::Expired { .. } => {
            "ask whoever built the package for a new signature, or for a newer package; if that \
             time is still to come, set the clock right"
                .into()
        }
        VerificationError::VersionBelowFloor { floor, .. } => {
            format!("get version {floor} or a later one from whoever builds the package")
        }
        VerificationError::NotARegularFile { .. } | VerificationError::Unnamed => {
            "give the path of a package file".into()
        }
        _ => return None,
    })
}

fn trust(error: &TrustError) -> Option<String> {
    Some(match error {
        TrustError::Store(error) => return store(error),
        TrustError::SigningKeyRevoked { .. } => {
            "sign with another key: cloacina keys generate --org <org> --name <name>".into()
        }
        TrustError::PreviouslyRevoked { .. } => {
            "make and trust a new key: a revoked one is not trusted again".into()
        }
        TrustError::ExpiryPast { .. } => {
            "give a time to come; to end trust now: cloacina keys revoke, or orgs revoke-trust"
                .into()
        }
        TrustError::SameKek => "make another one with: openssl rand -hex 32".into(),
        TrustError::Wrap(_) => {
            "check that CLOACINA_KEY_ENCRYPTION_KEY is the store's, then restore the key from a \
             backup"
                .into()
        }
        TrustError::AuditLogBroken(_) => {
            "keep a copy of the database as it is, and find out who could write it before you \
             trust anything in it"
                .into()
        }
        TrustError::CheckpointOfAnotherStore { .. } => {
            "check --database-url; if the database was replaced, find out by whom".into()
        }
        TrustError::CheckpointOfAnotherOrganization { .. } => {
            "give the organisation that the checkpoint is of, or leave --org out".into()
        }
        TrustError::TooManyCandidates { .. } => {
            "have the package signed by a tool that writes a keyid".into()
        }
        _ => return None,
    })
}

fn store(error: &StoreError) -> Option<String> {
    Some(match error {
        StoreError::NoDatabase { .. } => {
            "check --database-url; to make a new store: cloacina db migrate".into()
        }
        StoreError::SchemaOutdated { .. } => "back the store up, then: cloacina db migrate".into(),
        StoreError::SchemaTooNew { .. } => "use a newer cloacina".into(),
        StoreError::OutcomeUnknown(_) => {
            "look at what there is before you try again: cloacina keys list --org <org>".into()
        }
        StoreError::Unavailable(_) | StoreError::TimedOut { .. } => {
            "try again when the database answers: cloacina db status".into()
        }
        StoreError::InRecovery => "connect to the primary server, not to a replica".into(),
        StoreError::AnotherStore { .. }
        | StoreError::EpochWentBack { .. }
        | StoreError::HistoryDiverged { .. } => {
            "find out why the database was replaced or restored before you restart anything".into()
        }
        StoreError::OtherKek { .. } => "set CLOACINA_KEY_ENCRYPTION_KEY to the store's key".into(),
        StoreError::NameTaken { .. } => "choose another name".into(),
        StoreError::KeyRefused { .. } => {
            "sign the packages that are worth it yourself: cloacina package sign <package> \
             --key-id <new key>"
                .into()
        }
        StoreError::NotRewrapped { .. } => {
            "nothing was changed: restore this key from a backup, then rotate again".into()
        }
        StoreError::Compromised { .. } => {
            "make a new key: what is compromised stays so, for every organisation that refuses it"
                .into()
        }
        StoreError::SuccessorExists => {
            "see which it is: cloacina keys list --org <org>; to have another, revoke it first"
                .into()
        }
        _ => return None,
    })
}

fn key_file(error: &PemError) -> Option<String> {
    Some(match error {
        PemError::WrongForm { expected: PemForm::PublicKey, found: PemForm::PrivateKey } => {
            "give the public half: openssl pkey -in <file> -pubout".into()
        }
        PemError::WrongForm {
            expected: PemForm::PrivateKey | PemForm::EncryptedPrivateKey,
            found: PemForm::PublicKey,
        } => "give the private key's file; the public half cannot sign".into(),
        PemError::WrongForm {
            expected: PemForm::EncryptedPrivateKey,
            found: PemForm::PrivateKey,
        } => "the key lies open in this file, and a passphrase was given: give the encrypted \
              file, or encrypt this one: openssl pkcs8 -topk8 -iter 600000 -in <file> -out <new file>"
            .into(),
        PemError::PassphraseNeeded => GIVE_PASSPHRASE.into(),
        PemError::WrongPassphrase => {
            "try the passphrase: openssl pkey -in <file> -noout; if it is right, restore the file \
             from a backup"
                .into()
        }
        PemError::CostTooHigh { .. } | PemError::UnsupportedEncryption { .. } => {
            "if you trust the file, encrypt the key anew: openssl pkcs8 -topk8 -iter 600000 \
             -in <file> -out <new file>"
                .into()
        }
        PemError::Algorithm { .. } | PemError::WrongForm { .. } => {
            "make an Ed25519 key: cloacina keys generate --name <name> --output <file>".into()
        }
        _ => return None,
    })
}
