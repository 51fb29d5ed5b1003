use std::collections::BTreeMap;

use anyhow::{Context, Result};
use chrono::{TimeDelta, Utc};
use signing_crypto::{OrgId, RoleKeys, RootDigest, SignerCount, SigningKey, StatementTime};
use signing_trust::store::OrganizationRef;
use signing_trust::{DocumentExpiries, DocumentPlan, KeyManager, NextRoot, TrustRoot};

/// Publishes the first documents of an organization, by one key for every role, with these
/// roots of those that it granted trust to. Returns the root to be pinned.
pub(crate) async fn publish(
    keys: &KeyManager,
    org: OrgId,
    child_roots: BTreeMap<OrgId, RootDigest>,
) -> Result<TrustRoot> {
    let org = keys.store().organization(OrganizationRef::Id(org)).await?;
    let signer = SigningKey::generate()?;
    let next_year = StatementTime::new(Utc::now() + TimeDelta::days(365))?;
    let role = || RoleKeys::new([signer.fingerprint()], SignerCount::ONE).context("one key");
    let root = NextRoot {
        keys: vec![signer.verifying_key()],
        roles: [role()?, role()?, role()?],
        expires_at: next_year,
    };
    let plan = DocumentPlan::First {
        root,
        child_roots,
        expires: DocumentExpiries { statement: next_year, revocations: next_year },
    };
    let mut drafted = keys.draft_documents(&org, None, plan).await?;
    drafted.documents.sign(&signer)?;
    let root = TrustRoot::from(drafted.documents.root().context("first documents")?.digest());
    keys.publish_documents(&drafted.documents, &root.clone().into()).await?;
    Ok(root)
}
