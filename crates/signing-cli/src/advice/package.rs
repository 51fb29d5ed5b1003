use std::path::Path;

use signing_crypto::{AddSignatureError, shell_word};
use signing_loader::{
    LibraryError, LoadError, NotAdded, PackageError, RequiredSigners, SignError, SignatureLocation,
    SignedTerms, VerificationError,
};
use signing_trust::UntrustedReason;

use super::{Advice, CHECK_READABLE, refused, signed_trust, signers, trust, undecided, unknown};
use crate::error::Outcome;

pub(super) const GET_SIGNATURE: &str = "get the .sig file again from the package's builder";
pub(super) const SIGN_AGAIN: &str = "sign again: nothing was written there";
pub(super) const REPLACE: &str = "choose another file, or replace this one with --force";
pub(super) const NOT_OURS: &str =
    "choose another file; if nobody needs the existing one, remove it first";
const DO_NOT_USE: &str =
    "do not use this file: get the package and its .sig again from its builder";

/// In the place of an organization that is not known here.
const ORG: &str = "<org>";

/// What to do about a key that an organization does not know.
pub(crate) fn trust_after_inquiry(org: &str) -> String {
    format!(
        "find out whose key this is; if you trust it: cloacina keys trust --org {org} --import \
         <public key>"
    )
}

pub(super) const NOT_STORED: &str =
    "omit --org, or keep the signature in the store: --store, with --output for a file, too";

pub(super) const ONE_AT_A_TIME: &str =
    "give one package at a time, or omit --output, --signature and --name";

/// What to do about a key whose trust has expired. Signing every package again would be much more.
pub(crate) fn renew_trust(org: &str, which: &str) -> String {
    format!(
        "if you still trust the key: cloacina keys trust --org {org} {which} --expires 365d; \
         otherwise have the package signed by a key that is trusted now"
    )
}

pub(super) fn package(error: &PackageError) -> Advice {
    let next = match error {
        PackageError::Verification(error) => return verification(error),
        PackageError::Load(error) => return load(error),
        PackageError::Trust(error) => return trust::trust(error),
        PackageError::Decision(error) => return signed_trust::decision(error),
        PackageError::Io { .. } => CHECK_READABLE,
        PackageError::Clock(_) => "set the clock, then sign again",
        PackageError::Cancelled => trust::TRY_AGAIN,
        _ => return unknown(error.code(), Outcome::Undecided),
    };
    undecided(error.code(), next)
}

pub(super) fn verification(error: &VerificationError) -> Advice {
    let next = match error {
        VerificationError::NotARegularFile { .. } | VerificationError::Unnamed => {
            "give the path of a package file"
        }
        VerificationError::NameNotUnicode => {
            "rename it, or give the name that is signed with --name"
        }
        VerificationError::InvalidName(_) => {
            "give it a name in UTF-8, of at most 255 bytes, without control and invisible \
             characters, or give the signed name with --name"
        }
        VerificationError::Empty => "build the package again, or get it again from its builder",
        VerificationError::PackageTooLarge { .. } => {
            "check that this is the right package; if it is, ask for a smaller build"
        }
        VerificationError::SignatureNotFound { .. } => {
            "ask the package's builder for its .sig file"
        }
        VerificationError::MalformedSignature { .. } => GET_SIGNATURE,
        VerificationError::UntrustedSigner { reason, fingerprint } => match reason {
            UntrustedReason::Unknown => match fingerprint {
                Some(_) => return refused(error.code(), trust_after_inquiry(ORG)),
                None => "have the package signed by a trusted key",
            },
            UntrustedReason::NotPinned => {
                "find out whose key this is before you give its public key with --trust-key"
            }
            UntrustedReason::OrganizationDeleted { .. } => {
                "verify by an organization that exists: cloacina orgs list"
            }
            UntrustedReason::Expired { .. } => {
                return refused(error.code(), renew_trust(ORG, "--import <public key>"));
            }
            UntrustedReason::NotSigned => {
                return refused(error.code(), signed_trust::sign_what_rows_trust(ORG));
            }
            UntrustedReason::ChildDocuments { child_name, fault } => {
                let next = signed_trust::child(ORG, child_name, fault);
                return refused(error.code(), next);
            }
            _ => "have the package signed by a key that is trusted now",
        },
        VerificationError::UnnamedSignature => {
            "nothing to do: the signatures that name their keys decide"
        }
        VerificationError::InvalidSignature { .. } | VerificationError::TamperedPackage { .. } => {
            DO_NOT_USE
        }
        VerificationError::NotEnoughSigners {
            required: RequiredSigners::Organizations(_), ..
        } => {
            "have a signer whom another organization trusts add a signature: cloacina package cosign \
             <package> --key <private key>"
        }
        VerificationError::NotEnoughSigners { .. } => {
            "have another trusted signer add a signature: cloacina package cosign <package> --key \
             <private key>"
        }
        VerificationError::NoOrganizations { .. } => {
            "verify by an organization's trust, with --org"
        }
        VerificationError::WrongName { signed, .. } => {
            return refused(
                error.code(),
                format!(
                    "rename the file to the signed name, {:?}, or sign it under its own",
                    signed.as_str()
                ),
            );
        }
        VerificationError::Expired { .. } => {
            "ask the package's builder for a new signature or a newer package; if that time \
             is in the future, set the clock"
        }
        VerificationError::VersionBelowFloor { floor, found: None } => {
            return refused(
                error.code(),
                format!(
                    "have the builder sign the package with its version, if that is {floor} or \
                     later: --package-version"
                ),
            );
        }
        VerificationError::VersionBelowFloor { floor, .. } => {
            return refused(
                error.code(),
                format!("get version {floor} or a later one from the package's builder"),
            );
        }
        _ => return unknown(error.code(), Outcome::Refused),
    };
    refused(error.code(), next)
}

pub(super) fn load(error: &LoadError) -> Advice {
    let next = match error {
        LoadError::Library(error) => return library(error),
        LoadError::Dependency { source, .. } => {
            let outcome = package(source).outcome;
            let next = Some("load a trusted version of that package in a new process".into());
            return Advice { code: error.code(), outcome, next };
        }
        LoadError::Soname { source, .. } => {
            let outcome = package(source).outcome;
            let next = "build the package with a SONAME that its signers are trusted for, or with \
                        none: cc -Wl,-soname,<name>";
            return Advice { code: error.code(), outcome, next: Some(next.into()) };
        }
        LoadError::Linker(_) => {
            "list what the package needs on this machine: readelf --dynamic <package>"
        }
        LoadError::AnotherLibrary => "restart the program, and load this package first",
        LoadError::Io(_) => {
            "try again when the machine has free memory and file descriptors: ulimit -a"
        }
        LoadError::TemporaryDirectory(_) => {
            "name a directory that only you can write, below directories that nobody else can: \
             TMPDIR=<directory>"
        }
        LoadError::Thread(_) => "raise the limits on threads and descriptors: ulimit -a",
        LoadError::Symbol { .. } | LoadError::NullSymbol { .. } => {
            "ask the builder for a package that has this entry point"
        }
        _ => return unknown(error.code(), Outcome::Undecided),
    };
    undecided(error.code(), next)
}

fn library(error: &LibraryError) -> Advice {
    let next = match error {
        LibraryError::NotElf | LibraryError::NotShared { .. } => {
            "load a shared library: build the package with crate-type cdylib, or cc -shared -fPIC"
        }
        LibraryError::OtherTarget { .. } => {
            "get the package that was built for the machine that loads it"
        }
        LibraryError::Malformed(_) => "build the package again, or get it again from its builder",
        LibraryError::Unreadable(_) => return undecided(error.code(), CHECK_READABLE),
        LibraryError::ForbiddenTag { .. } => {
            "link the package without -rpath and other options that name files to load"
        }
        LibraryError::ForbiddenFlags { .. } => {
            "link the package without -z interpose, -z nodefaultlib and the like"
        }
        LibraryError::NoCode => "build the package with the code that is to be called",
        LibraryError::TextRelocations => "compile all of the package with -fPIC",
        LibraryError::ExecutableStack | LibraryError::UndeclaredStack => {
            "link the package with -z noexecstack"
        }
        LibraryError::WritableCode { .. } => {
            "link the package without sections that are both writable and executable"
        }
        LibraryError::InvalidDependency { .. } => {
            "link against the library's SONAME instead of its path, or link it statically"
        }
        LibraryError::DependencyNotAllowed { name } => {
            return refused(
                error.code(),
                format!(
                    "link {name} statically; or have the runner load the package with this SONAME \
                     first; or, if it is a library of the system: --allow-dependency {name}"
                ),
            );
        }
        LibraryError::AmbiguousDependency { .. } => {
            "load one version of that package only, in a new process"
        }
        LibraryError::DependencyReplaced { name } => {
            return refused(
                error.code(),
                format!(
                    "find out which library of the process has the name or SONAME {name}; load \
                     the package in a process without it, or after what it needs"
                ),
            );
        }
        LibraryError::UnlistedDependency { .. } => {
            "link the package again, against that library or without what it uses of it: \
             patchelf --remove-needed leaves the uses"
        }
        LibraryError::UniqueSymbol { .. } => {
            "compile the package with -fno-gnu-unique, and with -static-libstdc++ link it with \
             -Wl,--exclude-libs,ALL; to list such symbols: nm --dynamic <package> | grep ' u '"
        }
        LibraryError::InvalidSoname { .. } | LibraryError::ReservedSoname { .. } => {
            "give the library a SONAME of its own: cc -shared -Wl,-soname,<name>"
        }
        _ => return unknown(error.code(), Outcome::Refused),
    };
    refused(error.code(), next)
}

pub(super) fn sign(error: &SignError) -> Advice {
    let next = match error {
        SignError::Package(error) => return package(error),
        SignError::Trust(error) => return trust::trust(error),
        SignError::Signer(error) => return signers::signer(error),
        SignError::NotAdded { location, source } => return not_added(location, source),
        SignError::NotASignature { .. } => NOT_OURS,
        SignError::ChangedMeanwhile { .. } => SIGN_AGAIN,
        SignError::Locked { path, .. } => return undecided(error.code(), find_lock_holder(path)),
        SignError::ExpiryPast { .. } => {
            "give a time in the future; if it is in the future, set the clock"
        }
        _ => return unknown(error.code(), Outcome::Undecided),
    };
    undecided(error.code(), next)
}

/// Who can read a file or a directory can hold its lock, and only the system knows who does.
pub(super) fn find_lock_holder(path: &Path) -> String {
    let path = shell_word(path);
    format!("find out which process holds it, and end it or wait for it: fuser -v {path}")
}

fn not_added(location: &SignatureLocation, error: &NotAdded) -> Advice {
    let elsewhere = match location {
        SignatureLocation::File(_) => {
            "sign into another file with --output, or replace these signatures with --force"
        }
        _ => "make a signature of its own with --force",
    };
    match error {
        NotAdded::Terms { found, wanted } => {
            let same = same_terms(found, wanted);
            let next = format!("to sign the same terms: {same}; otherwise {elsewhere}");
            refused(error.code(), next)
        }
        NotAdded::Signature(AddSignatureError::Signer(error)) => signers::signer(error),
        _ => refused(error.code(), elsewhere),
    }
}

/// The options that sign the terms that were found.
fn same_terms(found: &SignedTerms, wanted: &SignedTerms) -> String {
    let version = found.version.as_ref().map(|version| format!("--package-version {version}"));
    let expiry = found.expires_at.map(|at| format!("--expires {at}"));
    let given: Vec<_> = version.into_iter().chain(expiry).collect();
    let mut parts = match given.is_empty() {
        true => Vec::new(),
        false => vec![given.join(" ")],
    };
    if found.version.is_none() && wanted.version.is_some() {
        parts.push("no --package-version".into());
    }
    if found.expires_at.is_none() && wanted.expires_at.is_some() {
        parts.push("no --expires".into());
    }
    parts.join(" and ")
}

/// What to do about an envelope that a signature was not added to.
pub(super) fn add_signature(error: &AddSignatureError) -> Advice {
    let next = match error {
        AddSignatureError::AlreadySignedBy { .. } => "nothing to do: this key has signed already",
        AddSignatureError::Full { .. } => {
            "have the required signers sign again, into a new signature file"
        }
        AddSignatureError::Malformed(_) => GET_SIGNATURE,
        AddSignatureError::Signer(error) => return signers::signer(error),
        _ => return unknown(error.code(), Outcome::Refused),
    };
    refused(error.code(), next)
}
