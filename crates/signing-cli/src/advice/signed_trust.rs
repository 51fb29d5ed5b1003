use std::fmt::Display;
use std::path::Path;

use signing_crypto::{
    DraftSignatureError, MalformedBundle, MalformedDraft, MalformedTrustDocument, OrgName, Role,
    ThresholdNotMet, TrustDocumentKind, shell_word,
};
use signing_trust::{
    DecisionError, DocumentOwner, SignedTrustError, TrustRootError, VersionMemoryError,
};

use super::{Advice, package, refused, signers, trust, undecided, unknown};
use crate::error::Outcome;
use crate::renewal::role_of;

const FORGED: &str = "find out who wrote to the database or to the file, and keep a copy of it; meanwhile get a \
     current bundle from the organization: cloacina trust export";
const GET_ROOT: &str = "get the root document again from the organization, over a channel that nobody can \
     tamper with";
pub(super) const GIVE_ROOT: &str =
    "give the root document, which cloacina trust init wrote to the file of --root-output";
const GET_BUNDLE: &str = "get the bundle again from the organization: cloacina trust export";
const GET_DRAFT: &str = "get the draft again from the person who made it";

pub(super) fn signed(error: &SignedTrustError) -> Advice {
    let next = match error {
        SignedTrustError::NoDocuments { .. } | SignedTrustError::Missing { .. } => {
            "if the organization has published documents, find out who removed them; if it has \
             not: cloacina trust init --org <org> --root-key <private key> --root-output <file>"
        }
        SignedTrustError::PinnedRootMissing { .. } => {
            "check that this is the organization's root, with the organization itself; if it \
             should be, find out who changed the database"
        }
        SignedTrustError::RootOfAnotherOrganization { .. } => {
            "give the root document of the organization that was asked about"
        }
        SignedTrustError::RootConflict { .. }
        | SignedTrustError::RootChain { .. }
        | SignedTrustError::Malformed { .. }
        | SignedTrustError::AnotherOrganization { .. }
        | SignedTrustError::Threshold { .. }
        | SignedTrustError::Mixed { .. } => FORGED,
        SignedTrustError::RolledBack { org, .. }
        | SignedTrustError::Replaced { org, .. }
        | SignedTrustError::RevocationTakenBack { org, .. }
        | SignedTrustError::Misfiled { org, .. } => {
            let next = format!(
                "if you have restored a backup of the store, put the administrator's state file aside, \
                 and publish until the version is higher than the one that was seen: {}; otherwise \
                 find out who changed the database or the bundle, and get a current bundle: cloacina \
                 trust export",
                publish(org)
            );
            return refused(error.code(), next);
        }
        SignedTrustError::Expired { org, kind, .. } => {
            let next =
                format!("{}; if it should not have expired, set the clock", sign_again(org, *kind));
            return refused(error.code(), next);
        }
        SignedTrustError::IssuedLater { org, kind, .. } => {
            let next = format!(
                "set the clock; if it is right, the clock of the machine that issued the document \
                 was ahead: {}",
                sign_again(org, *kind)
            );
            return refused(error.code(), next);
        }
        SignedTrustError::NotBundled { .. }
        | SignedTrustError::IncompleteBundle { .. }
        | SignedTrustError::ExtraneousDocuments { .. } => GET_BUNDLE,
        SignedTrustError::LastVersion { .. } => {
            "a thief of the role's keys has used the last version: remove that row with the \
             database's own tools, and give the role other keys: cloacina trust rotate-root; before \
             that, put the administrator's state file aside"
        }
        SignedTrustError::Memory(error) => return memory(error),
        _ => return unknown(error.code(), Outcome::Refused),
    };
    refused(error.code(), next)
}

pub(super) fn decision(error: &DecisionError) -> Advice {
    match error {
        DecisionError::TooManyCandidates { .. } => undecided(error.code(), trust::NAME_THE_KEY),
        DecisionError::SignedTrust(error) => signed(error),
        DecisionError::Clock(error) => undecided(error.code(), "set the clock, then try again"),
        _ => unknown(error.code(), Outcome::Undecided),
    }
}

pub(super) fn document(error: &MalformedTrustDocument) -> Advice {
    refused(error.code(), "get the document again from the organization")
}

pub(super) fn bundle(error: &MalformedBundle) -> Advice {
    refused(error.code(), GET_BUNDLE)
}

pub(super) fn root(error: &TrustRootError) -> Advice {
    match error {
        TrustRootError::Malformed(_) | TrustRootError::Unsigned(_) => {
            refused(error.code(), GET_ROOT)
        }
        _ => unknown(error.code(), Outcome::Refused),
    }
}

pub(super) fn draft(error: &MalformedDraft) -> Advice {
    refused(error.code(), GET_DRAFT)
}

pub(super) fn draft_signature(error: &DraftSignatureError) -> Advice {
    match error {
        DraftSignatureError::NoRole { .. } => refused(
            error.code(),
            "give a key that has a role: cloacina trust show --org <org>, or cloacina trust show \
             <file>, lists them",
        ),
        DraftSignatureError::AlreadySigned { .. } => refused(
            error.code(),
            "pass the draft on; when enough keys have signed: cloacina trust publish --from <draft> \
             --trust-root <file>",
        ),
        DraftSignatureError::Document { source, .. } => package::add_signature(source),
        DraftSignatureError::Signer(error) => signers::signer(error),
        _ => unknown(error.code(), Outcome::Refused),
    }
}

/// Too few keys for publishing a draft.
pub(super) fn threshold(error: &ThresholdNotMet, draft: &Path, is_first: bool) -> Advice {
    let root = if is_first { "<digest>" } else { "<file>" };
    let next = format!(
        "have the holders of the other keys sign the draft: cloacina trust cosign {} --key <private \
         key> --trust-root {root}",
        shell_word(draft)
    );
    refused(error.code(), next)
}

/// What to do about the documents of an organization to which `org` grants trust.
pub(super) fn child(org: &str, child: &OrgName, fault: &SignedTrustError) -> String {
    match fault {
        SignedTrustError::PinnedRootMissing { .. } => format!(
            "ask {child} for the digest of its root document, and sign a statement that names it: {} \
             --child-root {child}=<digest>",
            publish(org)
        ),
        _ => format!(
            "have {child} publish its trust, or find out who changed its documents: cloacina trust \
             status --org {child} --trust-root <its root>"
        ),
    }
}

/// How the role of a document replaces it by one that is issued now.
fn sign_again(org: &DocumentOwner, kind: TrustDocumentKind) -> String {
    let DocumentOwner { name, .. } = org;
    let next = match role_of(kind) {
        Role::Root => format!(
            "sign the next root document with enough keys of the root role: cloacina trust \
             rotate-root --org {name} --trust-root <file> --root-key <private key>"
        ),
        role => format!(
            "sign it again with enough keys of the {role} role: cloacina trust publish --org {name} \
             --trust-root <file> --key <private key>"
        ),
    };
    format!("{next}; hosts with a bundle need a new one then: cloacina trust export")
}

/// The command that signs what the rows say.
pub(crate) fn publish(org: impl Display) -> String {
    format!("cloacina trust publish --org {org} --key <private key> --trust-root <file>")
}

pub(super) fn memory(error: &VersionMemoryError) -> Advice {
    let next = match error {
        VersionMemoryError::Unasked => "report this to the authors of the program",
        VersionMemoryError::File { .. } => {
            "check that the directory exists, and that only you may write to it, the file and \
             its lock; if another program holds the lock, try again when it has ended"
        }
        VersionMemoryError::Name { .. } => "give the state file another name",
        VersionMemoryError::Damaged { .. } => {
            "find out who changed the file; without it, older documents are not recognized: remove \
             it only if you have a current bundle or root from the organization"
        }
        _ => return unknown(error.code(), Outcome::Undecided),
    };
    undecided(error.code(), next)
}

pub(super) fn still_given(org: &OrgName) -> Advice {
    let next = format!(
        "if nobody meant to take it away, find out who changed the rows; otherwise sign what they \
         say, and export again: {}",
        publish(org)
    );
    refused("TrustStillGiven", next)
}

pub(super) fn key_not_stated(org: &OrgName, given: &str) -> Advice {
    let next = format!(
        "nothing was changed: {}; to refuse in the store alone what it calls {given}: cloacina keys \
         deny {given} --org {org}",
        give_fingerprint(org)
    );
    undecided("KeyNotStated", next)
}

pub(super) fn other_key_in_row(org: &OrgName) -> Advice {
    let next =
        format!("nothing was changed: find out who changed the row, and {}", give_fingerprint(org));
    refused("OtherKeyInRow", next)
}

/// A row's fingerprint is not printed to be pasted.
fn give_fingerprint(org: &OrgName) -> String {
    format!(
        "give the whole fingerprint, from a copy outside the store: cloacina keys deny \
         <fingerprint> --org {org} --publish <private key> --trust-root <file>"
    )
}

/// What to do about keys that the rows of an organization trust and no document does.
pub(crate) fn sign_what_rows_trust(org: &str) -> String {
    format!(
        "if you do not know who added the row, find out; otherwise show what differs: cloacina trust \
         status --org {org} --trust-root <file>; then sign it: {}",
        publish(org)
    )
}
