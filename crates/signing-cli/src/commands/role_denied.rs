use signing_crypto::OrgId;
use signing_trust::store::{HeldRights, RolePurpose};

use crate::context::Context;
use crate::error::CliError;

/// The code of the error that the connected role lacks a right.
pub(super) const CODE: &str = "DatabasePermissionDenied";

/// The same error, with the role if that lacks a right. Whether the role has the rights of a purpose
/// decides what to do: a role that has them needs no more, and the command needs another role.
pub(super) async fn of_role(context: &Context, source: CliError) -> CliError {
    if matches!(source, CliError::RoleDenied { .. }) || source.advice().code != CODE {
        return source;
    }
    let held =
        async { Ok::<_, CliError>(context.open_to_inspect().await?.store().held_rights().await?) };
    match held.await {
        Ok(held) if !held.is_unrestricted && !held.is_owner => {
            let purpose = purpose_of(&held);
            CliError::RoleDenied { role: held.role, purpose, source: source.into() }
        }
        // It was only asked for advice.
        _ => source,
    }
}

fn purpose_of(held: &HeldRights) -> Option<RolePurpose> {
    // The rights do not depend on which organization a signer signs for.
    [RolePurpose::Admin, RolePurpose::Signer(OrgId::random()), RolePurpose::Runner]
        .into_iter()
        .find(|purpose| held.lacking(*purpose).is_empty())
}
