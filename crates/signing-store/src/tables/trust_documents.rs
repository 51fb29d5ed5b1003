use chrono::{DateTime, Utc};
use diesel::deserialize;
use diesel::dsl::max;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::{DocumentVersion, OrgId, TrustDocumentKind};

use crate::error::StoreError;
use crate::pool::{now, read};
use crate::schema::trust_documents;
use crate::sql_types::{StoredText, bind};
use crate::state::change;
use crate::store::{Store, StoreReader};
use crate::tables::audit::{AuditChain, AuditEntry};
use crate::tables::store_state::Heartbeat;

mod row;
mod statement;

use row::Row;
use statement::DocumentsStatement;

#[cfg(feature = "postgres")]
pub use statement::trust_documents_statement;

/// A signed document of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrustDocumentRecord {
    /// The organization.
    pub org_id: OrgId,
    /// What kind of document it is, according to its row.
    pub kind: TrustDocumentKind,
    /// Its version, according to its row.
    pub version: DocumentVersion,
    /// The envelope's JSON. Nothing about it has been checked.
    pub envelope: String,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// A document to add.
#[derive(Clone, Debug)]
pub struct NewTrustDocument {
    /// What kind of document it is.
    pub kind: TrustDocumentKind,
    /// Its version.
    pub version: DocumentVersion,
    /// The envelope's JSON.
    pub envelope: String,
}

/// The documents that count, of one organization and of those that it granted trust to: read
/// in one statement, so as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustDocuments {
    /// The moment.
    pub heartbeat: Heartbeat,
    /// The organization's own documents, then those of each other organization. Those of one
    /// organization are in the order of their kinds and versions.
    pub records: Vec<TrustDocumentRecord>,
}

impl StoreReader {
    /// The newest 64 root documents, the newest statement and the newest revocations: of
    /// `org`, and of each organization that it granted trust to and that is not deleted.
    ///
    /// It does not say whether `org` itself was deleted:
    /// [`trust_in_keys`](Self::trust_in_keys) does.
    ///
    /// A document of another organization that cannot be read, or that is larger than 96 KiB
    /// (a root document) or 1 MiB, is left out, and reported in a warning.
    ///
    /// # Errors
    ///
    /// [`StoreError::CorruptRow`] if a document of `org` itself cannot be read or is too
    /// large; otherwise as [`trust_in_keys`](Self::trust_in_keys).
    pub async fn trust_documents(&self, org: OrgId) -> Result<TrustDocuments, StoreError> {
        let before = self.seen.latest();
        let rows: Result<Vec<Row>, StoreError> =
            read!(self.pool, |conn| { Ok(DocumentsStatement::new(org).load(conn).await?) });
        let (mut head, mut records) = (None, Vec::new());
        for row in rows? {
            match row {
                Row::Head(origin) => head = Some(origin),
                Row::Document(record) => records.push(record),
                Row::UnreadableOwn(error) => return Err(StoreError::CorruptRow(error)),
                Row::UnreadableOfChild { child, error } => report(&*error, org, child),
            }
        }
        let Some(origin) = head else {
            // An answer without it does not say where it comes from, and another store or a
            // replica that lags is one that lacks organizations.
            self.heartbeat().await?;
            return Err(StoreError::no_organization(org));
        };
        self.seen.accept(origin, before, &mut &self.pool).await?;
        records.sort_by_key(|record| {
            (record.org_id != org, record.org_id, record.kind, record.version)
        });
        Ok(TrustDocuments { heartbeat: origin.into(), records })
    }

    /// Every document that an organization ever had, by kind and version. Hidden: no decision
    /// and no command needs the old ones, only tests that they are kept.
    #[doc(hidden)]
    pub async fn trust_document_history(
        &self,
        org: OrgId,
    ) -> Result<Vec<TrustDocumentRecord>, StoreError> {
        let rows: Result<Vec<StoredDocument>, StoreError> = read!(self.pool, |conn| {
            let own = trust_documents::table.filter(trust_documents::org_id.eq(bind(org)));
            Ok(own.load(conn).await?)
        });
        let records: deserialize::Result<Vec<_>> =
            rows?.into_iter().map(TrustDocumentRecord::read).collect();
        let mut records = records.map_err(StoreError::CorruptRow)?;
        records.sort_by_key(|record| (record.kind, record.version));
        Ok(records)
    }
}

impl Store {
    /// Adds documents, all of them or none. Each has the version after the newest of its
    /// kind, or 1 if it is the first. Documents that were there before stay.
    ///
    /// # Errors
    ///
    /// [`StoreError::TrustDocumentConflict`] if one has another version;
    /// [`StoreError::OrganizationNotFound`] or [`StoreError::OrganizationDeleted`].
    pub async fn add_trust_documents(
        &self,
        org: OrgId,
        documents: Vec<NewTrustDocument>,
        entry: AuditEntry,
    ) -> Result<(), StoreError> {
        let at = now();
        change!(self, |conn, after_commit| {
            let head = conn.lock_organization(org).await?;
            for NewTrustDocument { kind, version: found, envelope } in documents {
                let newest = trust_documents::table
                    .filter(trust_documents::org_id.eq(bind(org)))
                    .filter(trust_documents::kind.eq(kind.as_str()))
                    .select(max(trust_documents::version))
                    .get_result(conn)
                    .await?;
                let expected = version_after(newest).map_err(StoreError::CorruptRow)?;
                if found != expected {
                    return Err(StoreError::TrustDocumentConflict { kind, expected, found });
                }
                // The database sets the time.
                diesel::insert_into(trust_documents::table)
                    .values((
                        trust_documents::org_id.eq(bind(org)),
                        trust_documents::kind.eq(kind.as_str()),
                        trust_documents::version.eq(i64::from(found.get())),
                        trust_documents::envelope.eq(envelope),
                    ))
                    .execute(conn)
                    .await?;
            }
            conn.append(head, at, entry, after_commit).await
        })
    }
}

/// The columns of the table as the database has them.
type StoredDocument = (OrgId, StoredText, i64, StoredText, DateTime<Utc>);

impl TrustDocumentRecord {
    fn read(stored: StoredDocument) -> deserialize::Result<Self> {
        let (org_id, kind, version, envelope, created_at) = stored;
        Ok(Self {
            org_id,
            kind: kind.into_string()?.parse()?,
            version: read_version(version)?,
            envelope: envelope.into_string()?,
            created_at,
        })
    }
}

fn version_after(newest: Option<i64>) -> deserialize::Result<DocumentVersion> {
    let Some(newest) = newest else { return Ok(DocumentVersion::FIRST) };
    let next = read_version(newest)?.next();
    next.ok_or_else(|| format!("no document can follow version {newest}").into())
}

fn read_version(version: i64) -> deserialize::Result<DocumentVersion> {
    let number = u32::try_from(version).ok().and_then(DocumentVersion::new);
    number.ok_or_else(|| format!("{version} is not the version of a document").into())
}

fn report(error: &dyn std::error::Error, org: OrgId, child: Option<OrgId>) {
    let child = child.map(tracing::field::display);
    tracing::warn!(
        %error,
        org_id = %org,
        child_org_id = child,
        "a trust document cannot be read, and is left out"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u32) -> DocumentVersion {
        DocumentVersion::new(number).unwrap()
    }

    #[test]
    fn first_document_has_version_1_and_each_other_one_more_than_the_newest() {
        assert_eq!(version_after(None).unwrap(), version(1));
        assert_eq!(version_after(Some(1)).unwrap(), version(2));
        assert_eq!(version_after(Some(u32::MAX.into())).ok(), None);
    }

    #[test]
    fn version_is_a_number_from_1_to_4294967295() {
        for (stored, expected) in [(1, version(1)), (u32::MAX.into(), version(u32::MAX))] {
            assert_eq!(read_version(stored).unwrap(), expected);
        }
        for stored in [i64::MIN, -1, 0, i64::from(u32::MAX) + 1, i64::MAX] {
            assert!(read_version(stored).is_err(), "{stored}");
        }
    }
}
