use std::sync::Arc;

use signing_trust::store::OrganizationRecord;
use signing_trust::{
    SeenDocuments, SignedTrustError, TrustAnchor, TrustReader, TrustRoot, VersionMemory,
    VersionMemoryError,
};

use super::check::Checks;
use super::files::RunnersFiles;
use crate::cli::{Doctor, RootSource};
use crate::context::Context;
use crate::error::CliError;
use crate::select;
use crate::signed_trust::{faults, root_digests};
use crate::view::refused_child;

const CHECK: &str = "signed trust";

/// Whether a runner with these files would believe the documents that the store has.
pub(super) async fn check(
    context: &Context,
    command: &Doctor,
    files: Option<RunnersFiles>,
    keys: Option<&TrustReader>,
    checks: &mut Checks,
) {
    if command.trust_root.is_none() {
        return;
    }
    let Some(RunnersFiles { root, seen }) = files else {
        return checks.not_checked(CHECK, "a file that a runner needs for it cannot be used");
    };
    let Some(keys) = keys else {
        return checks.not_checked(CHECK, "there is no store whose documents could be verified");
    };
    let org = match organization(context, keys, &root).await {
        Ok(Some(org)) => org,
        Ok(None) => {
            return checks.problem(
                CHECK,
                format!("no organization of the store has the root document {}", root.digest()),
                "check that the root is of an organization of this store, with the organization \
                 itself; if it should be, find out who changed the database",
            );
        }
        Err(error) => return checks.error(CHECK, &error),
    };
    match verify(keys, &org, root, seen, command.trust_root.as_ref()).await {
        Ok(faults) if faults.is_empty() => checks.ok(
            CHECK,
            format!("a runner of {} with this root believes the store's documents", org.name),
        ),
        Ok(faults) => faults.iter().for_each(|fault| checks.error(CHECK, fault)),
        Err(error) => checks.error(CHECK, &error),
    }
}

/// The organization whose runner has this root: the default one, and among several without a
/// default the one of the root.
async fn organization(
    context: &Context,
    keys: &TrustReader,
    root: &TrustRoot,
) -> Result<Option<OrganizationRecord>, CliError> {
    match select::organization_or_default(context, keys, None).await {
        Err(CliError::OrganizationNeeded { .. }) => {}
        found => return found.map(Some),
    }
    for org in keys.store().organizations().await? {
        let is_of_root = match root.org() {
            Some(of_root) => of_root == org.id,
            None => {
                let texts = keys.unverified_documents(org.id).await?;
                texts.is_some_and(|texts| root_digests(&texts).any(|found| found == root.digest()))
            }
        };
        if is_of_root {
            return Ok(Some(org));
        }
    }
    Ok(None)
}

/// What keeps such a runner from believing the documents, or those of organizations that they
/// grant trust to.
async fn verify(
    keys: &TrustReader,
    org: &OrganizationRecord,
    root: TrustRoot,
    seen: SeenDocuments,
    trust_root: Option<&RootSource>,
) -> Result<Vec<CliError>, CliError> {
    if let Some(expected) = root.org().filter(|of_root| *of_root != org.id) {
        return Err(SignedTrustError::RootOfAnotherOrganization { expected, found: org.id }.into());
    }
    let anchor = TrustAnchor::new(root, Arc::new(OnlyRead(seen)));
    let published = keys.published_trust(org.id, &anchor).await?;
    let published = published.ok_or(SignedTrustError::NoDocuments { org: org.id })?;
    let mut faults = faults(&published, &org.name, keys.now().await?, trust_root);
    let refused = keys.refused_children(org.id, &anchor).await?;
    faults.extend(refused.iter().map(|child| refused_child(&org.name, child)));
    Ok(faults)
}

/// What a state file remembers, to compare with. Nothing is added: `doctor` only reads.
#[derive(Debug)]
struct OnlyRead(SeenDocuments);

impl VersionMemory for OnlyRead {
    fn update(&self, admit: &mut dyn FnMut(&mut SeenDocuments)) -> Result<(), VersionMemoryError> {
        admit(&mut self.0.clone());
        Ok(())
    }
}
