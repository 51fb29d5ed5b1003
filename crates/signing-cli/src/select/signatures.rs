use signing_crypto::SignatureId;
use signing_trust::TrustReader;
use signing_trust::store::PackageSignatureRecord;

use super::organization_or_default;
use crate::cli::{OrgReference, Prefix, SignatureReference};
use crate::context::Context;
use crate::error::{CliError, MAX_SHOWN};
use crate::lines::ShortIds;

/// Finds a signature in the store, by the beginning of its id among those of one organization.
pub(crate) async fn signature(
    context: &Context,
    keys: &TrustReader,
    org: Option<&OrgReference>,
    named: &SignatureReference,
) -> Result<PackageSignatureRecord, CliError> {
    let given = || named.to_string();
    let prefix = match named {
        SignatureReference::Id(id) => {
            let found = keys.store().stored_signature(*id).await?;
            let found = found.ok_or_else(|| CliError::NoSuchSignature { given: given() })?;
            if let Some(org) = org {
                let org = organization_or_default(context, keys, Some(org)).await?;
                if org.id != found.org_id {
                    return Err(CliError::NoSuchSignature { given: given() });
                }
            }
            return Ok(found);
        }
        SignatureReference::Prefix(prefix) => prefix,
    };
    let org = organization_or_default(context, keys, org).await?;
    let limit = MAX_SHOWN as u16 + 2;
    let mut found = keys.store().stored_signatures(org.id, before(prefix), limit).await?;
    found.retain(|signature| prefix.begins(signature.id));
    match <[_; 1]>::try_from(found) {
        Ok([signature]) => Ok(signature),
        Err(none) if none.is_empty() => Err(CliError::NoSuchSignature { given: given() }),
        Err(found) => {
            // They are in order: what tells one from those beside it tells it from all.
            let ids = ShortIds::new(found.iter().map(|signature| signature.id), [""; 0]);
            let candidates = found.iter().map(|signature| ids.short(signature.id)).collect();
            Err(CliError::AmbiguousSignature { given: given(), candidates })
        }
    }
}

/// The id before the first one that begins so, if there is any.
fn before(prefix: &Prefix) -> Option<SignatureId> {
    let first = u128::from_str_radix(&format!("{:0<32}", prefix.digits()), 16).ok()?;
    let before = format!("{:032x}", first.checked_sub(1)?);
    let parts = [&before[..8], &before[8..12], &before[12..16], &before[16..20], &before[20..]];
    parts.join("-").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_before_all_that_begin_so() {
        let before = |text: &str| match text.parse().unwrap() {
            SignatureReference::Prefix(prefix) => before(&prefix).map(|id| id.to_string()),
            SignatureReference::Id(_) => panic!("{text} is an id"),
        };
        let id = |text: &str| Some(text.to_owned());
        assert_eq!(before("67e5"), id("67e4ffff-ffff-ffff-ffff-ffffffffffff"));
        assert_eq!(before("67E55044-1"), id("67e55044-0fff-ffff-ffff-ffffffffffff"));
        assert_eq!(before("0000"), None);
        // Longer than an id, so it begins none.
        assert_eq!(before(&"f".repeat(40)), None);
    }
}
