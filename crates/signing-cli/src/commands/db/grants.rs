use serde::Serialize;
use signing_trust::store::{RolePurpose, ServerProtection, Store, StoreError};

use crate::cli::{GrantsArgs, Purpose};
use crate::context::Context;
use crate::error::CliError;
use crate::lines::Lines;
use crate::output::{self, Report};
use crate::select;
use crate::view::View;

/// What the superuser's statements are for.
const WHY: [&str; 4] = [
    "-- A superuser runs the following once in this database. Without it, any role can stop",
    "-- every revocation: it queues for a lock on a system catalog, or fills the disk with large",
    "-- objects, for which it needs no right. Afterwards only the owner of the store or of the",
    "-- database, their members and superusers may define objects in this database.",
];

pub(super) async fn run(context: &Context, grants: GrantsArgs) -> Result<Report, CliError> {
    let limits = grants.limits();
    let GrantsArgs { role, purpose, org, apply, .. } = grants;
    let purpose = match purpose {
        Purpose::Runner => RolePurpose::Runner,
        Purpose::Admin => RolePurpose::Admin,
        Purpose::Signer => RolePurpose::Signer(
            select::organization_or_default(context, &context.open_to_read().await?, org.as_ref())
                .await?
                .id,
        ),
    };
    let mut protection = Protection::Printed;
    if apply {
        let store = context.store_to_change().await?;
        store.grant_role(purpose, &role, limits).await?;
        protection = protect(&store).await?;
    }
    let view = GrantsView {
        sql: purpose.sql(&role, limits),
        statements: purpose.statements(&role, limits),
        role: role.to_string(),
        applied: apply,
        protection,
        protection_sql: ServerProtection::sql(),
    };
    Ok(if apply { Report::done(&view) } else { Report::requested(&view) })
}

/// Protects the server, if that is missing and this user may do it.
async fn protect(store: &Store) -> Result<Protection, CliError> {
    if store.server_protection().await?.faults.is_empty() {
        return Ok(Protection::InForce);
    }
    match store.protect_server().await {
        Ok(()) => {}
        Err(StoreError::PermissionDenied(_)) => return Ok(incomplete()),
        Err(error) => return Err(error.into()),
    }
    // A server only warns a role that revokes what it has not granted.
    Ok(match store.server_protection().await?.faults.is_empty() {
        true => Protection::Applied,
        false => incomplete(),
    })
}

fn incomplete() -> Protection {
    output::warn(
        "the role has its rights, but the server is not protected: any role can still stop every \
         revocation. A superuser has to run the statements that `cloacina db grants` prints last \
         without --apply",
    );
    Protection::Incomplete
}

/// What has become of the statements that need a superuser.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Protection {
    /// They were only printed.
    Printed,
    Applied,
    /// They had been applied before.
    InForce,
    /// A superuser has to run them.
    Incomplete,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct GrantsView {
    role: String,
    sql: String,
    applied: bool,
    /// What has become of `protection_sql`.
    protection: Protection,
    /// What a superuser runs once in the database.
    protection_sql: String,
    #[serde(skip)]
    statements: Vec<String>,
}

impl View for GrantsView {
    fn text(&self) -> Lines {
        let mut text = Lines::new();
        if self.applied {
            text.push(format!("{} now has exactly these rights:", self.role));
        }
        match self.applied {
            true => text.extend(&self.statements),
            false => text.extend(self.sql.lines()),
        }
        match self.protection {
            Protection::Printed => {
                text.push("");
                text.extend(WHY);
                text.extend(self.protection_sql.lines());
            }
            Protection::Applied => text.push(
                "the server is now protected: only the owners of the store and of the database, \
                 their members and superusers may define objects in this database",
            ),
            Protection::InForce => text.push("the server was already protected"),
            Protection::Incomplete => {}
        }
        text
    }
}
