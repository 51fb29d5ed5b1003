use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::{Map, Value};
use signing_crypto::{EntryHash, OrgId};

use super::{AUDIT_PAGE, AuditFault, AuditFaultKind as Kind, AuditRecord, AuditValue as Is};
use crate::error::StoreError;
use crate::pool::read;
use crate::schema::{audit_heads, audit_log, organizations};
use crate::sql_types::bind;
use crate::store::StoreReader;

/// An entry that is known from elsewhere, and so must be in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditAnchor {
    /// The entry's sequence.
    pub sequence: i64,
    /// The entry's hash.
    pub entry_hash: EntryHash,
}

/// A log that was found to be whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IntactLog {
    /// Whose log it is.
    pub org: OrgId,
    /// How many entries it has, which is the last one's sequence.
    pub entries: i64,
    /// The last entry's hash.
    pub entry_hash: EntryHash,
}

impl StoreReader {
    /// Reads an organization's whole log, in bounded memory, and checks that each
    /// entry is as it was written and follows on the one before, that the last one
    /// is the log's head, and that all `anchors` are among them.
    ///
    /// Others may write meanwhile: the head is read first, and the entries up to it
    /// were all there by then. What stands after it must be known to a head that is
    /// read after that, and is left for the next time.
    ///
    /// The inner error is what was found; the outer one means that nothing was.
    ///
    /// # Errors
    ///
    /// [`StoreError::InRecovery`]: a replica may lack the last entries.
    pub async fn verify_audit_log(
        &self,
        org: OrgId,
        mut anchors: Vec<AuditAnchor>,
    ) -> Result<Result<IntactLog, AuditFault>, StoreError> {
        self.heartbeat().await?;
        let fault = |sequence, kind, expected, found| {
            Ok(Err(AuditFault { org, sequence, kind, expected, found }))
        };
        let Some((head, head_hash)) = self.audit_head(org).await? else {
            return fault(0, Kind::HeadMissing, Is::Readable, Is::Nothing);
        };
        anchors.sort_unstable_by_key(|anchor| anchor.sequence);
        let mut anchors = anchors.into_iter().peekable();
        let mut walk = Walk { org, sequence: 0, hash: vec![0; 32] };
        let mut read = None;
        'log: loop {
            let page = self.audit_entries(org, read.unwrap_or(i64::MIN)).await?;
            let mut page = page.into_iter().peekable();
            // Read once more, because the next one might have the same sequence.
            page.next_if(|entry| Some(entry.sequence()) == read);
            if page.peek().is_none() {
                break;
            }
            for entry in page {
                let sequence = entry.sequence();
                if walk.sequence == head && sequence > head {
                    let known = self.audit_head(org).await?.map_or(0, |(sequence, _)| sequence);
                    if known < sequence {
                        let expected = Is::Sequence(known);
                        return fault(sequence, Kind::BeyondHead, expected, Is::Sequence(sequence));
                    }
                    break 'log;
                }
                if let Err(fault) = walk.step(&entry) {
                    return Ok(Err(fault));
                }
                while let Some(anchor) = anchors.next_if(|anchor| anchor.sequence <= sequence) {
                    if anchor.entry_hash.as_bytes() != &*walk.hash {
                        let expected = Is::Hash(anchor.entry_hash.as_bytes().to_vec());
                        let found = Is::Hash(walk.hash);
                        return fault(sequence, Kind::CheckpointDiffers, expected, found);
                    }
                }
                read = Some(sequence);
            }
        }
        // The creation of the organization is in every log.
        if walk.sequence < head.max(1) {
            let next = walk.sequence + 1;
            return fault(next, Kind::Missing, Is::Sequence(next), Is::Nothing);
        }
        let Some(entry_hash) = hash(&walk.hash).filter(|_| walk.hash == head_hash) else {
            return fault(head, Kind::HeadDiffers, Is::Hash(walk.hash), Is::Hash(head_hash));
        };
        match anchors.next() {
            Some(AuditAnchor { sequence, .. }) => {
                fault(head + 1, Kind::CutOff, Is::Sequence(sequence), Is::Sequence(head))
            }
            None => Ok(Ok(IntactLog { org, entries: head, entry_hash })),
        }
    }

    /// The first organization after `after`, in the order of ids, that there is any
    /// trace of: a row, a log or a log's head.
    pub async fn next_audited_organization(
        &self,
        after: Option<OrgId>,
    ) -> Result<Option<OrgId>, StoreError> {
        // No id that is made is this one.
        let after = after.unwrap_or(OrgId::from(uuid::Uuid::nil()));
        read!(self.pool, |conn| {
            let row: Option<OrgId> = organizations::table
                .select(organizations::id)
                .filter(organizations::id.gt(bind(after)))
                .order(organizations::id)
                .first(conn)
                .await
                .optional()?;
            let head: Option<OrgId> = audit_heads::table
                .select(audit_heads::org_id)
                .filter(audit_heads::org_id.gt(bind(after)))
                .order(audit_heads::org_id)
                .first(conn)
                .await
                .optional()?;
            let log: Option<OrgId> = audit_log::table
                .select(audit_log::org_id)
                .filter(audit_log::org_id.gt(bind(after)))
                .order(audit_log::org_id)
                .first(conn)
                .await
                .optional()?;
            Ok([row, head, log].into_iter().flatten().min())
        })
    }

    async fn audit_head(&self, org: OrgId) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
        read!(self.pool, |conn| {
            Ok(audit_heads::table
                .find(bind(org))
                .select((audit_heads::sequence, audit_heads::entry_hash))
                .get_result(conn)
                .await
                .optional()?)
        })
    }

    /// A page of a log, whatever is in its rows.
    async fn audit_entries(&self, org: OrgId, from: i64) -> Result<Vec<Entry>, StoreError> {
        let page: Result<Vec<AuditRecord>, StoreError> = read!(self.pool, |conn| {
            Ok(audit_log::table
                .filter(audit_log::org_id.eq(bind(org)))
                .filter(audit_log::sequence.ge(from))
                .order(audit_log::sequence)
                .limit(AUDIT_PAGE as i64)
                .select(AuditRecord::as_select())
                .load(conn)
                .await?)
        });
        match page {
            Ok(page) => Ok(page.into_iter().map(Entry::Readable).collect()),
            Err(StoreError::CorruptRow(_)) => self.audit_entries_one_by_one(org, from).await,
            Err(error) => Err(error),
        }
    }

    /// The same, if one that cannot be read keeps the others from being read.
    async fn audit_entries_one_by_one(
        &self,
        org: OrgId,
        from: i64,
    ) -> Result<Vec<Entry>, StoreError> {
        let sequences: Result<Vec<i64>, StoreError> = read!(self.pool, |conn| {
            Ok(audit_log::table
                .select(audit_log::sequence)
                .filter(audit_log::org_id.eq(bind(org)))
                .filter(audit_log::sequence.ge(from))
                .order(audit_log::sequence)
                .limit(AUDIT_PAGE as i64)
                .load(conn)
                .await?)
        });
        let mut entries = Vec::new();
        for sequence in sequences? {
            let entry: Result<AuditRecord, StoreError> = read!(self.pool, |conn| {
                let key = (bind(org), sequence);
                let row = audit_log::table.find(key).select(AuditRecord::as_select());
                Ok(row.get_result(conn).await?)
            });
            entries.push(match entry {
                Ok(record) => Entry::Readable(record),
                Err(StoreError::CorruptRow(_)) => Entry::Unreadable { sequence },
                Err(error) => return Err(error),
            });
        }
        Ok(entries)
    }
}

/// A row of a log.
enum Entry {
    Readable(AuditRecord),
    Unreadable { sequence: i64 },
}

impl Entry {
    fn sequence(&self) -> i64 {
        match self {
            Self::Readable(record) => record.sequence,
            Self::Unreadable { sequence } => *sequence,
        }
    }
}

/// How far a log was found to be whole.
struct Walk {
    org: OrgId,
    sequence: i64,
    hash: Vec<u8>,
}

impl Walk {
    fn step(&mut self, entry: &Entry) -> Result<(), AuditFault> {
        let (next, sequence) = (self.sequence + 1, entry.sequence());
        let org = self.org;
        let fault =
            |sequence, kind, expected, found| AuditFault { org, sequence, kind, expected, found };
        if sequence != next {
            let (expected, found) = (Is::Sequence(next), Is::Sequence(sequence));
            return Err(match sequence > next {
                true => fault(next, Kind::Missing, expected, found),
                false => fault(sequence, Kind::Inserted, expected, found),
            });
        }
        let unreadable = || fault(sequence, Kind::Unreadable, Is::Readable, Is::Unreadable);
        let Entry::Readable(record) = entry else { return Err(unreadable()) };
        if record.previous_hash != self.hash {
            let expected = Is::Hash(self.hash.clone());
            let found = Is::Hash(record.previous_hash.clone());
            return Err(fault(sequence, Kind::Unlinked, expected, found));
        }
        let computed = record.computed_hash();
        if record.entry_hash != computed {
            let expected = Is::Hash(computed.to_vec());
            let found = Is::Hash(record.entry_hash.clone());
            return Err(fault(sequence, Kind::Edited, expected, found));
        }
        if serde_json::from_str::<Map<String, Value>>(&record.details).is_err() {
            return Err(unreadable());
        }
        self.sequence = sequence;
        self.hash.clone_from(&record.entry_hash);
        Ok(())
    }
}

fn hash(bytes: &[u8]) -> Option<EntryHash> {
    bytes.try_into().map(EntryHash::from_bytes).ok()
}
