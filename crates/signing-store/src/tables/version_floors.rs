use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::{OrgId, PackageName, PackageVersion};

use crate::error::StoreError;
use crate::pool::{now, read};
use crate::schema::version_floors;
use crate::sql_types::bind;
use crate::state::change;
use crate::store::{Change, Store, StoreReader};
use crate::tables::audit::{AuditChain, AuditEntry};

/// The lowest version of a package that an organization accepts.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = version_floors)]
#[non_exhaustive]
pub struct VersionFloorRecord {
    /// The organization.
    pub org_id: OrgId,
    /// The package.
    pub package_name: PackageName,
    /// The lowest version.
    #[diesel(select_expression = version_floors::floor.assume_not_null())]
    pub floor: PackageVersion,
    /// When it was set.
    pub set_at: DateTime<Utc>,
}

impl StoreReader {
    /// The floors that an organization has set, by package name.
    pub async fn version_floors(&self, org: OrgId) -> Result<Vec<VersionFloorRecord>, StoreError> {
        read!(self.pool, |conn| {
            Ok(version_floors::table
                .filter(version_floors::org_id.eq(bind(org)))
                .filter(version_floors::floor.is_not_null())
                .order(version_floors::package_name)
                .select(VersionFloorRecord::as_select())
                .load(conn)
                .await?)
        })
    }
}

impl Store {
    /// Sets the floor of a package, or takes it away with `None`. Returns the one that
    /// was in force before.
    pub async fn set_version_floor(
        &self,
        org: OrgId,
        package: PackageName,
        floor: Option<PackageVersion>,
        entry: AuditEntry,
    ) -> Result<Change<Option<PackageVersion>>, StoreError> {
        let at = now();
        change!(self, |conn, after_commit| {
            let head = conn.lock_organization(org).await?;
            let row = version_floors::table.find((bind(org), bind(package.clone())));
            let found: Option<Option<PackageVersion>> =
                row.clone().select(version_floors::floor).get_result(conn).await.optional()?;
            let (exists, before) = (found.is_some(), found.flatten());
            if before == floor {
                return Ok(Change::Unchanged(before));
            }
            let set =
                (version_floors::floor.eq(floor.map(bind)), version_floors::set_at.eq(bind(at)));
            match exists {
                true => diesel::update(row).set(set).execute(conn).await?,
                false => {
                    let whose = (
                        version_floors::org_id.eq(bind(org)),
                        version_floors::package_name.eq(bind(package)),
                    );
                    diesel::insert_into(version_floors::table)
                        .values((whose, set))
                        .execute(conn)
                        .await?
                }
            };
            conn.append(head, at, entry, after_commit).await?;
            Ok(Change::Made(before))
        })
    }
}
