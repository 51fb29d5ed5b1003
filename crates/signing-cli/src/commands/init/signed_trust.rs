use signing_crypto::{DocumentTexts, Fingerprint, OrgId, RootDocument, SignedDocument};
use signing_trust::store::OrganizationRecord;
use signing_trust::{KeyManager, SignedTrustError, TrustReader};

use super::answers::{Plan, SignedTrustPlan};
use super::files::make_directory;
use super::view::{Made, Step};
use crate::cli::{Init, RootSource};
use crate::commands::keys::write_pair;
use crate::commands::trust::{publish_first, require_vacant_root};
use crate::context::Context;
use crate::error::CliError;
use crate::files::{Existing, not_replaced};
use crate::key_source::KeySource;
use crate::passphrase::PassphraseSource;
use crate::renewal::Renewal;
use crate::signed_trust::{headers, pinned, state_file_of};

/// What the store has of an organization's signed trust, verified if its root document is here.
///
/// # Errors
///
/// The documents do not verify, or cannot be read: runners refuse them.
pub(super) async fn found(
    keys: &TrustReader,
    org: &OrganizationRecord,
    plan: &Plan,
) -> Result<Option<Step>, CliError> {
    let Some(texts) = keys.unverified_documents(org.id).await? else { return Ok(None) };
    let root = plan.root()?;
    if root.symlink_metadata().is_err() {
        require_readable(org.id, &texts)?;
        return Ok(Some(Step::unverified_trust(&root)));
    }
    let state_file = Some(state_file_of(&root)).filter(|path| path.exists());
    let anchor = pinned(&RootSource::File(root.clone()), state_file.as_deref())?;
    let missing = CliError::NoTrustDocuments { org: org.name.clone() };
    let published = keys.published_trust(org.id, &anchor).await?.ok_or(missing)?;
    let renewals = published.expired(keys.now().await?).into_iter().map(|(kind, _)| {
        let source = RootSource::File(root.clone());
        let source = Some(source.argument());
        (kind, Renewal::of(kind, &org.name, published.root().document(), source))
    });
    Ok(Some(Step::verified_trust(&root, renewals.collect())))
}

/// Runners read every root document, and the newest of the others.
fn require_readable(org: OrgId, texts: &DocumentTexts) -> Result<(), CliError> {
    let mut roots =
        texts.roots.iter().map(|text| SignedDocument::<RootDocument>::parse(text.as_bytes()));
    let all = roots.try_for_each(|root| root.map(drop));
    all.and_then(|()| headers(texts).try_for_each(|(_, header)| header.map(drop)))
        .map_err(|source| SignedTrustError::Malformed { org, source }.into())
}

/// Publishes the organization's first documents, unless it has some. If its rows state more than
/// trust in `key`, that is shown, and somebody must agree.
pub(super) async fn make(
    context: &Context,
    (keys, org, key): (&KeyManager, &OrganizationRecord, Fingerprint),
    plan: &Plan,
    SignedTrustPlan { root_key, access }: SignedTrustPlan,
) -> Result<Vec<Step>, CliError> {
    // Another program may have published some meanwhile.
    if let Some(found) = found(keys, org, plan).await? {
        return Ok(vec![found]);
    }
    let root_output = plan.root()?;
    let vacant = require_vacant_root((keys, org), &root_output, Existing::Keep).await;
    vacant.map_err(not_replaced)?;
    make_directory(&root_output)?;
    let mut steps = Vec::new();
    if let KeySource::File(path) = &root_key
        && path.as_os_str() != "-"
    {
        // One that is there is somebody's own, or from a run that did not come to its end.
        let is_there = path.symlink_metadata().is_ok();
        if !is_there {
            make_directory(path)?;
            let passphrase = match access.access().passphrase {
                PassphraseSource::Terminal => None,
                source => Some(source),
            };
            write_pair(path, Existing::Keep, passphrase.as_ref())?;
        }
        steps.push(Step::root_key(if is_there { Made::Before } else { Made::Now }, path));
    }
    // The distances are this program's own, so only the clock can be wrong.
    let init = Init::with_root_key(root_key, root_output.clone(), access)
        .map_err(|_| CliError::NoExpiry)?;
    match publish_first(context, (keys, org), init, Some(key)).await {
        Err(CliError::ConfirmationNeeded) => {
            return Err(CliError::UnseenTrust { org: org.name.clone() });
        }
        published => published?,
    };
    steps.push(Step::signed_trust(Made::Now, &root_output));
    Ok(steps)
}
