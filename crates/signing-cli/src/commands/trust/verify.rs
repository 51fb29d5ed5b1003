use std::path::Path;

use chrono::Utc;
use serde::Serialize;
use signing_crypto::{OrgId, error_with_sources};

use crate::cli::RootSource;
use crate::error::CliError;
use crate::lines::Lines;
use crate::output::Report;

use crate::signed_trust::verify_bundle;
use crate::view::{DocumentsView, View, json_documents};

/// Verifies a bundle. No store is asked.
pub(super) fn verify(
    path: &Path,
    root: &RootSource,
    state_file: Option<&Path>,
) -> Result<Report, CliError> {
    let bundle = verify_bundle(path, root, state_file)?;
    let (mut children, mut refused) = (Vec::new(), Vec::new());
    let now = Utc::now();
    for (org_id, documents) in bundle.children() {
        let documents = documents.map_err(Clone::clone);
        // Documents of a child that do not count now refuse the child's keys alone.
        match documents.and_then(|documents| documents.require_current(now).map(|()| documents)) {
            Ok(documents) => children.push(DocumentsView::of(documents)),
            Err(error) => refused.push(RefusedView {
                org_id: *org_id,
                code: error.code(),
                message: error_with_sources(&error),
            }),
        }
    }
    Ok(Report::requested(&VerifiedView {
        bundle: path.display().to_string(),
        own: DocumentsView::of(bundle.documents()),
        children,
        refused,
    }))
}

json_documents! { "trust verify": VerifiedView }

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct VerifiedView {
    bundle: String,
    own: DocumentsView,
    children: Vec<DocumentsView>,
    /// The organizations whose documents do not count. Their keys are not accepted.
    refused: Vec<RefusedView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RefusedView {
    org_id: OrgId,
    code: &'static str,
    message: String,
}

impl View for VerifiedView {
    fn text(&self) -> Lines {
        let mut text = Lines::new();
        text.good("ok", &self.bundle);
        text.append(self.own.text());
        for child in &self.children {
            text.append(child.text());
        }
        for RefusedView { org_id, message, .. } in &self.refused {
            text.push(format!("the documents of {org_id} do not count: {message}"));
        }
        text
    }
}
