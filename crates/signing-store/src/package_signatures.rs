use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use sha2::{Digest, Sha256};
use signing_crypto::{OrgId, PackageDigest, SignatureEnvelope, SignatureId};

use crate::pool::{change, now, read};
use crate::schema::{organizations, package_signatures};
use crate::sql_types::{Bytes, Id, Instant, bind};
use crate::{Change, Store, StoreError};

/// How many signatures of one organisation are looked at for one package: the
/// newest. Without a limit a granted organisation could make looking them up
/// take for ever.
pub const SIGNATURES_PER_ORG: usize = 16;

/// A kept signature.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, QueryableByName)]
pub struct PackageSignatureRecord {
    /// Its id.
    #[diesel(sql_type = Id)]
    pub id: SignatureId,
    /// The organisation that keeps it.
    #[diesel(sql_type = Id)]
    pub org_id: OrgId,
    /// The package that it is about, as whoever stored it said.
    #[diesel(sql_type = Bytes)]
    pub package_digest: PackageDigest,
    /// The envelope's JSON. Nothing about it has been checked.
    #[diesel(sql_type = Text)]
    pub envelope: String,
    /// When it was stored.
    #[diesel(sql_type = Instant)]
    pub created_at: DateTime<Utc>,
}

/// A signature to keep.
#[derive(Clone, Debug)]
pub struct NewPackageSignature {
    /// The organisation that keeps it.
    pub org_id: OrgId,
    /// The package that it is about.
    pub package_digest: PackageDigest,
    /// The signature.
    pub envelope: SignatureEnvelope,
}

impl Store {
    /// Keeps a signature; the same one is kept once. It changes no trust, so it is not
    /// in the audit log, and whoever may add signatures need not be able to touch that.
    ///
    /// # Errors
    ///
    /// [`StoreError::OrganizationNotFound`] or [`StoreError::OrganizationDeleted`].
    pub async fn insert_package_signature(
        &self,
        new: NewPackageSignature,
    ) -> Result<Change<SignatureId>, StoreError> {
        let at = now();
        let org = new.org_id;
        let envelope = new.envelope.to_json();
        let envelope_digest = digest_of(&envelope);
        change!(self, |conn| {
            let deleted_at: Option<DateTime<Utc>> = organizations::table
                .find(bind(org))
                .select(organizations::deleted_at)
                .get_result(conn)
                .await
                .optional()?
                .ok_or(StoreError::OrganizationNotFound)?;
            if deleted_at.is_some() {
                return Err(StoreError::OrganizationDeleted { org });
            }
            let id = SignatureId::random();
            let inserted = diesel::insert_into(package_signatures::table)
                .values((
                    package_signatures::id.eq(bind(id)),
                    package_signatures::org_id.eq(bind(org)),
                    package_signatures::package_digest.eq(bind(new.package_digest)),
                    package_signatures::envelope.eq(envelope),
                    package_signatures::envelope_digest.eq(bind(envelope_digest)),
                    package_signatures::created_at.eq(bind(at)),
                ))
                .on_conflict_do_nothing()
                .execute(conn)
                .await?;
            if inserted == 1 {
                return Ok(Change::Made(id));
            }
            let kept = package_signatures::table
                .filter(package_signatures::org_id.eq(bind(org)))
                .filter(package_signatures::package_digest.eq(bind(new.package_digest)))
                .filter(package_signatures::envelope_digest.eq(bind(envelope_digest)))
                .select(package_signatures::id)
                .get_result(conn)
                .await?;
            Ok(Change::AlreadySo(kept))
        })
    }

    /// The signatures about a package that `org` keeps, then those that the
    /// organisations keep which it granted trust: of each the newest
    /// [`SIGNATURES_PER_ORG`], newest first.
    pub async fn package_signatures(
        &self,
        org: OrgId,
        digest: PackageDigest,
    ) -> Result<Vec<PackageSignatureRecord>, StoreError> {
        read!(self.pool, |conn| {
            Ok(diesel::sql_query(NEWEST_SIGNATURES)
                .bind::<Id, _>(bind(org))
                .bind::<Bytes, _>(bind(digest))
                .bind::<BigInt, _>(SIGNATURES_PER_ORG as i64)
                .load(conn)
                .await?)
        })
    }
}

pub(crate) fn digest_of(envelope: &str) -> PackageDigest {
    PackageDigest::from_bytes(Sha256::digest(envelope.as_bytes()).into())
}

/// The query language has no window functions, hence as text.
const NEWEST_SIGNATURES: &str = "
    SELECT id, org_id, package_digest, envelope, created_at
    FROM (
        SELECT s.id, s.org_id, s.package_digest, s.envelope, s.created_at, reachable.inherited,
               ROW_NUMBER() OVER (PARTITION BY s.org_id ORDER BY s.created_at DESC, s.id) AS newest
        FROM (
            SELECT id AS org_id, 0 AS inherited FROM organizations
            WHERE id = $1 AND deleted_at IS NULL
            UNION ALL
            SELECT g.child_org_id, 1 FROM trust_grants g
            JOIN organizations child ON child.id = g.child_org_id
            WHERE g.parent_org_id = $1 AND g.revoked_at IS NULL AND child.deleted_at IS NULL
        ) AS reachable
        JOIN package_signatures s ON s.org_id = reachable.org_id AND s.package_digest = $2
    ) AS ranked
    WHERE newest <= $3
    ORDER BY inherited, created_at DESC, id";
