use signing_crypto::Fingerprint;
use signing_trust::KeyManager;
use signing_trust::store::OrganizationRecord;

use super::answers::SignedTrustPlan;
use super::files::{make_directory, require_vacant};
use super::view::{Made, Step};
use crate::cli::Init;
use crate::commands::keys::write_pair;
use crate::commands::trust::publish_first;
use crate::context::Context;
use crate::error::CliError;
use crate::files::Existing;
use crate::key_source::KeySource;
use crate::passphrase::PassphraseSource;

/// Publishes the organization's first documents, unless it has some. If its rows state more than
/// trust in `key`, that is shown, and somebody must agree.
pub(super) async fn make(
    context: &Context,
    (keys, org): (&KeyManager, &OrganizationRecord),
    key: Fingerprint,
    plan: SignedTrustPlan,
) -> Result<Vec<Step>, CliError> {
    let SignedTrustPlan { root_key, root_output, access } = plan;
    if keys.unverified_documents(org.id).await?.is_some() {
        return Ok(vec![Step::signed_trust(Made::Before, &root_output)]);
    }
    require_vacant(&root_output)?;
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
    let init = Init::with_root_key(root_key, root_output.clone(), access)?;
    match publish_first(context, (keys, org), init, Some(key)).await {
        Err(CliError::ConfirmationNeeded) => {
            return Err(CliError::UnseenTrust { org: org.name.clone() });
        }
        published => published?,
    };
    steps.push(Step::signed_trust(Made::Now, &root_output));
    Ok(steps)
}
