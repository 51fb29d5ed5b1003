use signing_crypto::EnvelopeError;
use signing_loader::{LoadError, VerificationError};
use signing_trust::UntrustedReason;

use crate::error::{NotAdded, Place, Terms};

pub(super) const GET_SIGNATURE: &str = "get the .sig file again from whoever built the package";
const DO_NOT_USE: &str =
    "do not use this file: get the package and its .sig again from whoever built it";

pub(super) fn verification(error: &VerificationError) -> Option<String> {
    Some(match error {
        VerificationError::NotARegularFile { .. } | VerificationError::Unnamed => {
            "give the path of a package file".into()
        }
        VerificationError::InvalidName(_) => {
            "give it a name in UTF-8, of at most 255 bytes, without control and invisible \
             characters, or with --name the one that is signed"
                .into()
        }
        VerificationError::Empty => {
            "build the package again, or get it again from whoever built it".into()
        }
        VerificationError::PackageTooLarge { .. } => {
            "check that this is the package that you mean; if it is, have a smaller one built"
                .into()
        }
        VerificationError::SignatureNotFound { .. } => {
            "ask whoever built the package for its .sig file".into()
        }
        VerificationError::MalformedSignature { .. } => GET_SIGNATURE.into(),
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
            UntrustedReason::OrganizationDeleted { .. } => {
                "verify by an organization that there is: cloacina orgs list".into()
            }
            UntrustedReason::Revoked { .. } | UntrustedReason::Denied { .. } => {
                "have the package signed by a key that is trusted now; if it was a mistake to \
                 refuse this one, and it is not compromised: cloacina keys reinstate"
                    .into()
            }
            _ => "have the package signed by a key that is trusted now".into(),
        },
        VerificationError::UnnamedSignature => {
            "nothing is left to do: the signatures that name their keys decide".into()
        }
        VerificationError::InvalidSignature { .. } | VerificationError::TamperedPackage { .. } => {
            DO_NOT_USE.into()
        }
        VerificationError::NotEnoughSigners { .. } => {
            "have another who is trusted add a signature: cloacina package sign <package> --key \
             <private key>, with the --package-version and --expires that cloacina package \
             inspect <package> shows"
                .into()
        }
        VerificationError::NoOrganizations { .. } => {
            "verify by an organization's trust, with --org".into()
        }
        VerificationError::WrongName { signed, .. } => {
            format!("give the file the name that was signed, {signed}, or sign it under its own")
        }
        VerificationError::Expired { .. } => {
            "ask whoever built the package for a new signature, or for a newer package; if that \
             time is still to come, set the clock right"
                .into()
        }
        VerificationError::VersionBelowFloor { floor, found: None } => format!(
            "have whoever builds the package sign it with its version, if that is {floor} or \
             later: --package-version"
        ),
        VerificationError::VersionBelowFloor { floor, .. } => {
            format!("get version {floor} or a later one from whoever builds the package")
        }
        _ => return None,
    })
}

pub(super) fn load(error: &LoadError) -> Option<String> {
    Some(match error {
        LoadError::Linker(_) => {
            "see what the package needs of this machine: readelf --dynamic <package>".into()
        }
        LoadError::AnotherLibrary => {
            "use nothing of it: start the program anew, and load this package first".into()
        }
        LoadError::Io(_) => {
            "try again when the machine has memory and file descriptors to give: ulimit -a".into()
        }
        LoadError::Symbol { .. } | LoadError::NullSymbol { .. } => {
            "ask whoever built the package for one that has this entry point".into()
        }
        _ => return None,
    })
}

pub(super) fn not_added(place: &Place, error: &NotAdded) -> Option<String> {
    let elsewhere = match place {
        Place::File(_) => {
            "sign into another file with --output, or replace these signatures with --force"
        }
        Place::Store => "sign anew rather than add, with --force",
    };
    Some(match error {
        NotAdded::Terms { found, wanted } => {
            let same = same(found, wanted);
            format!("if that is what you want to sign too: {same}; if not, {elsewhere}")
        }
        NotAdded::Name { .. }
        | NotAdded::Content
        | NotAdded::Expired { .. }
        | NotAdded::Envelope(_) => elsewhere.into(),
    })
}

/// The options by which the terms that are found would be signed, rather than others.
fn same(found: &Terms, wanted: &Terms) -> String {
    let mut options = found.options().join(" ");
    let superfluous = [
        (found.version.is_none() && wanted.version.is_some(), "no --package-version"),
        (found.expires_at.is_none() && wanted.expires_at.is_some(), "no --expires"),
    ];
    for (_, option) in superfluous.iter().filter(|(is_so, _)| *is_so) {
        let separator = if options.is_empty() { "" } else { " and " };
        options += separator;
        options += option;
    }
    options
}

/// What to do about signatures that were to be stored, or added to.
pub(super) fn envelope(error: &EnvelopeError) -> Option<String> {
    Some(match error {
        EnvelopeError::NotSignedBy { .. } => "have the package signed by this key".into(),
        EnvelopeError::InvalidSignature { .. } => DO_NOT_USE.into(),
        EnvelopeError::AlreadySignedBy { .. } => {
            "nothing is left to do: this key's signature is there".into()
        }
        EnvelopeError::Full { .. } => "have the package signed anew, by those who must".into(),
        EnvelopeError::Malformed(_) => GET_SIGNATURE.into(),
        _ => return None,
    })
}
