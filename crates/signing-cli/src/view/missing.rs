use serde::Serialize;
use signing_crypto::{DraftDocuments, MissingSignatures, TrustDocumentKind};

/// A document that more keys must sign.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct MissingView {
    kind: &'static str,
    role: &'static str,
    /// Of a root document that follows another, whose keys are meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<SigningRoot>,
    required: usize,
    found: usize,
}

/// The root document whose keys sign a root document.
#[derive(Clone, Copy, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum SigningRoot {
    Previous,
    New,
}

impl MissingView {
    pub(crate) fn all(draft: &DraftDocuments, missing: &[MissingSignatures]) -> Vec<Self> {
        let is_first = draft.current_root().is_none();
        let view = |MissingSignatures { threshold, by_current_root }: &MissingSignatures| Self {
            kind: threshold.kind.as_str(),
            role: threshold.role.as_str(),
            root: match (threshold.kind, by_current_root) {
                (TrustDocumentKind::Root, true) => Some(SigningRoot::Previous),
                (TrustDocumentKind::Root, false) if !is_first => Some(SigningRoot::New),
                _ => None,
            },
            required: threshold.required,
            found: threshold.found,
        };
        missing.iter().map(view).collect()
    }

    pub(crate) fn text(&self) -> String {
        let Self { kind, role, root, required, found } = self;
        let root = match root {
            Some(SigningRoot::Previous) => " of the previous root",
            Some(SigningRoot::New) => " of the new root",
            None => "",
        };
        format!("  {kind}: signed by {found} of the {required} keys of the {role} role{root}")
    }
}
