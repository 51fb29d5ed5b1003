use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use signing_crypto::{
    DocumentTexts, DraftDocuments, MAX_BUNDLE_SIZE, MalformedTrustDocument, Revocations,
    RootDocument, SignedDocument, TrustBundle, TrustDocument, TrustStatement,
};

use crate::cli::OrgReference;
use crate::context::Context;
use crate::error::CliError;
use crate::files;
use crate::lines::Lines;
use crate::output::Report;
use crate::select;
use crate::view::{DocumentsView, MissingView, View, json_documents};

pub(super) fn show_file(path: &Path) -> Result<Report, CliError> {
    let bytes = files::read_at_most(path, MAX_BUNDLE_SIZE as u64 + 1)?;
    let unknown = || CliError::UnknownTrustFile { path: path.into() };
    let (what, documents, missing) = match serde_json::from_slice::<Value>(&bytes) {
        Ok(Value::Object(fields)) if fields.contains_key("organizations") => {
            let bundle = TrustBundle::parse(&bytes)
                .map_err(|source| CliError::TrustBundle { path: path.into(), source })?;
            ("bundle", in_bundle(path, &bundle)?, Vec::new())
        }
        Ok(Value::Object(fields)) if fields.contains_key("organization") => {
            let draft = DraftDocuments::parse(&bytes)
                .map_err(|source| CliError::TrustDraft { path: path.into(), source })?;
            let missing = MissingView::all(&draft, &draft.missing());
            ("draft", vec![DocumentsView::of_draft(&draft)], missing)
        }
        Ok(Value::Object(fields)) => {
            let payload_type = fields.get("payloadType").and_then(Value::as_str);
            let view = match payload_type.ok_or_else(unknown)? {
                RootDocument::PAYLOAD_TYPE => DocumentsView::of_root(&parse(path, &bytes)?),
                TrustStatement::PAYLOAD_TYPE => {
                    let statement: SignedDocument<TrustStatement> = parse(path, &bytes)?;
                    DocumentsView::of_statement(statement.unverified())
                }
                Revocations::PAYLOAD_TYPE => {
                    let revocations: SignedDocument<Revocations> = parse(path, &bytes)?;
                    DocumentsView::of_revocations(revocations.unverified())
                }
                _ => return Err(unknown()),
            };
            ("document", vec![view], Vec::new())
        }
        _ => return Err(unknown()),
    };
    Ok(Report::requested(&ShownView { what, verified: false, documents, missing }))
}

/// Every document of a bundle.
fn in_bundle(path: &Path, bundle: &TrustBundle) -> Result<Vec<DocumentsView>, CliError> {
    let mut views = Vec::new();
    for texts in bundle.documents().values() {
        views.extend(of_organization(path, texts)?);
    }
    Ok(views)
}

fn of_organization(path: &Path, texts: &DocumentTexts) -> Result<Vec<DocumentsView>, CliError> {
    let mut views = Vec::new();
    for root in &texts.roots {
        views.push(DocumentsView::of_root(&parse(path, root.as_bytes())?));
    }
    if let Some(statement) = &texts.statement {
        let statement: SignedDocument<TrustStatement> = parse(path, statement.as_bytes())?;
        views.push(DocumentsView::of_statement(statement.unverified()));
    }
    if let Some(revocations) = &texts.revocations {
        let revocations: SignedDocument<Revocations> = parse(path, revocations.as_bytes())?;
        views.push(DocumentsView::of_revocations(revocations.unverified()));
    }
    Ok(views)
}

fn parse<D: TrustDocument>(path: &Path, bytes: &[u8]) -> Result<SignedDocument<D>, CliError> {
    SignedDocument::parse(bytes).map_err(|source: MalformedTrustDocument| CliError::TrustDocument {
        path: path.into(),
        source,
    })
}

/// What the store has of an organization.
pub(super) async fn show_stored(
    context: &Context,
    org: Option<&OrgReference>,
) -> Result<Report, CliError> {
    let keys = context.open_to_read().await?;
    let org = select::organization_or_default(context, &keys, org).await?;
    let missing = CliError::NoTrustDocuments { org: org.name.clone() };
    let texts = keys.unverified_documents(org.id).await?.ok_or(missing)?;
    let documents = of_organization(Path::new("the store"), &texts)?;
    let what = "copy of what the store has";
    Ok(Report::requested(&ShownView { what, verified: false, documents, missing: Vec::new() }))
}

json_documents! { "trust show": ShownView }

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ShownView {
    what: &'static str,
    verified: bool,
    documents: Vec<DocumentsView>,
    missing: Vec<MissingView>,
}

impl View for ShownView {
    fn text(&self) -> Lines {
        let mut text = Lines::new();
        if !self.verified {
            text.push(format!("a {}: nothing in it is verified", self.what));
        }
        for documents in &self.documents {
            text.append(documents.text());
        }
        if !self.missing.is_empty() {
            text.push("more keys must sign");
        }
        text.extend(self.missing.iter().map(MissingView::text));
        text
    }
}
