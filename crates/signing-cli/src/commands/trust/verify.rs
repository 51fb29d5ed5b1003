use std::path::Path;

use chrono::Utc;
use serde::Serialize;

use crate::cli::RootSource;
use crate::error::CliError;
use crate::lines::Lines;
use crate::output::Report;

use crate::signed_trust::verify_bundle;
use crate::view::{DocumentsView, RefusedChildView, View, json_documents};

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
            Err(error) => {
                let name = &bundle.documents().statement().grants[org_id].child_name;
                refused.push(RefusedChildView::of(*org_id, name.clone(), &error));
            }
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
    refused: Vec<RefusedChildView>,
}

impl View for VerifiedView {
    fn text(&self) -> Lines {
        let mut text = Lines::new();
        text.good("ok", &self.bundle);
        text.append(self.own.text());
        for child in &self.children {
            text.append(child.text());
        }
        text.extend(self.refused.iter().map(RefusedChildView::text));
        text
    }
}
