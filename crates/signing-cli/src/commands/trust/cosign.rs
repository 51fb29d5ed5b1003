use serde::Serialize;
use signing_crypto::{DraftDocuments, Fingerprint, MAX_DRAFT_SIZE, TrustDocumentKind, shell_word};

use super::publication::{draft_text, parse_draft};
use super::role_keys::{KeyRing, require_roles};
use crate::cli::{Cosign, RootSource};
use crate::error::CliError;
use crate::files::{LockedFile, Readers};
use crate::lines::{Lines, quoted};
use crate::output::{self, Report};
use crate::question::confirm;
use crate::signed_trust::read_root;
use crate::terminal::Confirmation;
use crate::view::{DocumentsView, MissingView, View, json_documents};

/// Adds signatures to a draft. No store is asked.
pub(super) fn cosign(command: Cosign) -> Result<Report, CliError> {
    // Held until the draft is replaced: a signature that is added meanwhile would be lost.
    let file = LockedFile::open(&command.draft, || {
        output::note(&format!("waiting for the program that signs {}", command.draft.display()));
    })?;
    let mut draft = parse_draft(&command.draft, &file.read_at_most(MAX_DRAFT_SIZE as u64 + 1)?)?;
    require_root(&draft, &command.trust_root)?;
    let mut ring = KeyRing::default();
    ring.add_signers(&command.key, &command.access.access())?;
    require_roles(&draft, ring.signers().map(|(fingerprint, _)| fingerprint))?;
    let mut view = CosignedView {
        draft: command.draft.display().to_string(),
        content: DocumentsView::of_draft(&draft),
        signed_by: Vec::new(),
        missing: Vec::new(),
        is_first: draft.current_root().is_none(),
        was_shown: false,
    };
    // An agent or a token may ask for consent, too: only after this shows to what.
    if Confirmation::given_if(command.yes) == Confirmation::Needed {
        view.was_shown = true;
        confirm(&view.content.text(), &format!("sign {}?", quoted(&view.draft)))?;
    }
    for (fingerprint, signer) in ring.signers() {
        let documents = draft.sign(signer)?.into_iter().map(TrustDocumentKind::as_str);
        view.signed_by.push(SignedView { fingerprint, documents: documents.collect() });
    }
    view.missing = MissingView::all(&draft, &draft.missing());
    file.replace(draft_text(&draft).as_bytes(), Readers::Everybody)?;
    Ok(Report::done(&view))
}

/// The root that the draft follows, or its first, must be the given one.
fn require_root(draft: &DraftDocuments, given: &RootSource) -> Result<(), CliError> {
    let expected = read_root(given)?.digest();
    let root = draft.current_root().or(draft.root()).expect("a draft has a root document");
    match root.digest() {
        found if found == expected => Ok(()),
        found => Err(CliError::OtherRoot { expected, found }),
    }
}

json_documents! { "trust cosign": CosignedView }

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct CosignedView {
    draft: String,
    content: DocumentsView,
    signed_by: Vec<SignedView>,
    missing: Vec<MissingView>,
    #[serde(skip)]
    is_first: bool,
    #[serde(skip)]
    was_shown: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SignedView {
    fingerprint: Fingerprint,
    documents: Vec<&'static str>,
}

impl View for CosignedView {
    fn text(&self) -> Lines {
        let mut text = match self.was_shown {
            true => Lines::new(),
            false => self.content.text(),
        };
        for SignedView { fingerprint, documents } in &self.signed_by {
            text.push(format!("signed by {fingerprint}: {}", documents.join(", ")));
        }
        match self.missing.is_empty() {
            true => text.push(format!(
                "enough keys have signed; to publish it: cloacina trust publish --from {}{}",
                shell_word(&self.draft),
                if self.is_first { " --root-output <file>" } else { " --trust-root <file>" },
            )),
            false => {
                text.push("more keys must sign");
                text.extend(self.missing.iter().map(MissingView::text));
            }
        }
        text
    }
}
