//! What is done within the transaction that keeps a signature.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::{Fingerprint, OrgId, PackageDigest, SignatureId};

use super::{NewPackageSignature, PackageSignatureRecord, SIGNATURES_PER_ORG};
use crate::backend::connection_trait;
use crate::error::StoreError;
use crate::schema::{organizations, package_signatures, trusted_keys};
use crate::sql_types::{Bind, EnvelopeDigest, bind};
use crate::store::Change;
use crate::tables::compromised_keys::CompromisedKeys;

/// A row without its time, which each database sets in its own way.
#[derive(Insertable)]
#[diesel(table_name = package_signatures)]
struct NewRow {
    id: Bind<SignatureId>,
    org_id: Bind<OrgId>,
    package_digest: Bind<PackageDigest>,
    envelope: String,
    envelope_digest: Bind<EnvelopeDigest>,
}

impl NewRow {
    fn new(id: SignatureId, org: OrgId, digest: PackageDigest, envelope: String) -> Self {
        Self {
            id: bind(id),
            org_id: bind(org),
            package_digest: bind(digest),
            envelope_digest: bind(EnvelopeDigest::of(envelope.as_bytes())),
            envelope,
        }
    }
}

/// What keeping signatures is on either database.
pub(crate) trait SignatureGate {
    /// Within a transaction: makes everybody else wait until the commit who keeps
    /// signatures for `org`, so that what is read next stays true. It is called before the
    /// organization is locked: a signer's role may hold this lock, and a transaction that
    /// waits for it must not hold one that a revocation needs.
    ///
    /// # Errors
    ///
    /// [`StoreError::OrganizationNotFound`]; [`StoreError::RoleOfAnotherOrganization`] if
    /// the database role is bound to another one.
    async fn lock_signatures(&mut self, org: OrgId) -> Result<(), StoreError>;

    /// Within a transaction: makes what is locked for a new organization.
    async fn add_signature_lock(&mut self, org: OrgId) -> Result<(), StoreError>;

    /// Within a transaction: adds a row, and says whether there was none.
    async fn add_signature(
        &mut self,
        id: SignatureId,
        org: OrgId,
        digest: PackageDigest,
        envelope: String,
    ) -> Result<bool, StoreError>;

    /// The question for the newest signatures of an organization ($1) and of each that it
    /// granted trust, about a package ($2): at most $3 of each and $4 in all. Of no
    /// organization more rows are read than that.
    fn newest_of_each(&self) -> &'static str;
}

/// The organization $1 and those that it granted trust.
macro_rules! reachable {
    () => {
        "(SELECT id AS org_id, 0 AS inherited FROM organizations
          WHERE id = $1 AND deleted_at IS NULL
          UNION ALL
          SELECT g.child_org_id, 1 FROM trust_grants g
          JOIN organizations child ON child.id = g.child_org_id
          WHERE g.parent_org_id = $1 AND g.revoked_at IS NULL AND child.deleted_at IS NULL
         ) AS reachable"
    };
}

#[cfg(feature = "postgres")]
impl SignatureGate for crate::backend::connection::PgConnection {
    async fn lock_signatures(&mut self, org: OrgId) -> Result<(), StoreError> {
        let locked = diesel::sql_query("SELECT FROM signature_locks WHERE org_id = $1 FOR UPDATE")
            .bind::<crate::sql_types::Id, _>(bind(org))
            .execute(self)
            .await?;
        if locked == 1 {
            return Ok(());
        }
        let organization = organizations::table.find(bind(org)).count();
        match organization.get_result::<i64>(self).await? {
            0 => Err(StoreError::no_organization(org)),
            _ => Err(StoreError::RoleOfAnotherOrganization { org }),
        }
    }

    async fn add_signature_lock(&mut self, org: OrgId) -> Result<(), StoreError> {
        diesel::sql_query("INSERT INTO signature_locks (org_id) VALUES ($1)")
            .bind::<crate::sql_types::Id, _>(bind(org))
            .execute(self)
            .await?;
        Ok(())
    }

    /// The server sets the time, which no role may write.
    async fn add_signature(
        &mut self,
        id: SignatureId,
        org: OrgId,
        digest: PackageDigest,
        envelope: String,
    ) -> Result<bool, StoreError> {
        let row = NewRow::new(id, org, digest, envelope);
        let inserted = diesel::insert_into(package_signatures::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(self)
            .await?;
        Ok(inserted == 1)
    }

    fn newest_of_each(&self) -> &'static str {
        concat!(
            "SELECT s.id, s.org_id, s.package_digest, s.envelope FROM ",
            reachable!(),
            " CROSS JOIN LATERAL (
                  SELECT *, ROW_NUMBER() OVER (ORDER BY created_at DESC, id) AS newest
                  FROM package_signatures
                  WHERE org_id = reachable.org_id AND package_digest = $2
                  ORDER BY created_at DESC, id LIMIT $3
              ) AS s
              ORDER BY inherited, newest, created_at DESC, s.id LIMIT $4"
        )
    }
}

/// SQLite has one writer at a time, and who may write the file may write any time.
#[cfg(feature = "sqlite")]
impl SignatureGate for crate::backend::connection::SqliteConnection {
    async fn lock_signatures(&mut self, _: OrgId) -> Result<(), StoreError> {
        Ok(())
    }

    async fn add_signature_lock(&mut self, _: OrgId) -> Result<(), StoreError> {
        Ok(())
    }

    async fn add_signature(
        &mut self,
        id: SignatureId,
        org: OrgId,
        digest: PackageDigest,
        envelope: String,
    ) -> Result<bool, StoreError> {
        let created_at = package_signatures::created_at.eq(bind(crate::pool::now()));
        let row = NewRow::new(id, org, digest, envelope);
        let inserted = diesel::insert_into(package_signatures::table)
            .values((row, created_at))
            .on_conflict_do_nothing()
            .execute(self)
            .await?;
        Ok(inserted == 1)
    }

    fn newest_of_each(&self) -> &'static str {
        concat!(
            "SELECT s.id, s.org_id, s.package_digest, s.envelope FROM ",
            reachable!(),
            " CROSS JOIN package_signatures s
              WHERE s.rowid IN (
                  SELECT rowid FROM package_signatures
                  WHERE org_id = reachable.org_id AND package_digest = $2
                  ORDER BY created_at DESC, id LIMIT $3
              )
              ORDER BY inherited,
                  ROW_NUMBER() OVER (PARTITION BY s.org_id ORDER BY created_at DESC, s.id),
                  created_at DESC, s.id LIMIT $4"
        )
    }
}

connection_trait! {
pub(crate) trait StoreSignatures {
    /// The organization's own signatures about a package that are looked at.
    async fn newest_signatures(
        &mut self,
        org: OrgId,
        digest: PackageDigest,
    ) -> Result<Vec<PackageSignatureRecord>, StoreError> {
        Ok(package_signatures::table
            .filter(package_signatures::org_id.eq(bind(org)))
            .filter(package_signatures::package_digest.eq(bind(digest)))
            .order((package_signatures::created_at.desc(), package_signatures::id))
            .limit(SIGNATURES_PER_ORG as i64)
            .select(PackageSignatureRecord::as_select())
            .load(self)
            .await?)
    }

    /// Within a transaction: keeps a signature, unless it is kept already.
    async fn insert_signature(
        &mut self,
        new: NewPackageSignature,
    ) -> Result<Change<SignatureId>, StoreError> {
        let org = new.org_id;
        let envelope = new.envelope.to_json();
        let envelope_digest = EnvelopeDigest::of(envelope.as_bytes());
        let deleted_at: Option<DateTime<Utc>> = organizations::table
            .find(bind(org))
            .select(organizations::deleted_at)
            .get_result(self)
            .await
            .optional()?
            .ok_or_else(|| StoreError::no_organization(org))?;
        if deleted_at.is_some() {
            return Err(StoreError::OrganizationDeleted { org });
        }
        let id = SignatureId::random();
        if self.add_signature(id, org, new.package_digest, envelope).await? {
            return Ok(Change::Made(id));
        }
        let kept = package_signatures::table
            .filter(package_signatures::org_id.eq(bind(org)))
            .filter(package_signatures::package_digest.eq(bind(new.package_digest)))
            .filter(package_signatures::envelope_digest.eq(bind(envelope_digest)))
            .select(package_signatures::id)
            .get_result(self)
            .await?;
        Ok(Change::Unchanged(kept))
    }

    /// # Errors
    ///
    /// [`StoreError::Compromised`] and [`StoreError::KeyRefused`] if the organization
    /// refuses the key.
    async fn require_not_refused(
        &mut self,
        key: Fingerprint,
        org: OrgId,
    ) -> Result<(), StoreError> {
        self.require_uncompromised(key).await?;
        let refused: Option<Option<DateTime<Utc>>> = trusted_keys::table
            .filter(trusted_keys::org_id.eq(bind(org)))
            .filter(trusted_keys::fingerprint.eq(bind(key)))
            .select(trusted_keys::revoked_at)
            .get_result(self)
            .await
            .optional()?;
        match refused.flatten() {
            Some(at) => Err(StoreError::KeyRefused { fingerprint: key, at }),
            None => Ok(()),
        }
    }
}}
