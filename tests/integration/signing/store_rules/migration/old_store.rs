use std::fs;

use chrono::{DateTime, Utc};
use signing_crypto::{
    GrantId, KeyId, OrgId, PackageDigest, SignatureEnvelope, SignatureId, SigningKey, TrustedKeyId,
};
use signing_loader::package_statement;
use signing_trust::store::{AuditRecord, Store};
use signing_trust::{KeyManager, TrustPath, UntrustedReason};
use uuid::Uuid;

use crate::support::{Database, kek};

const SQLITE: &str =
    include_str!("../../../../../crates/signing-store/migrations/sqlite/0001_initial/up.sql");
const POSTGRES: &str =
    include_str!("../../../../../crates/signing-store/migrations/postgres/0001_initial/up.sql");

/// A row about a key, as the first migration has them.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Word {
    Trusted,
    Revoked,
    /// By its fingerprint, the key unseen.
    Denied,
}

/// A store as only the first migration made it, with a row of every kind.
pub(super) struct OldStore {
    pub(super) database: Database,
    pub(super) operator: OrgId,
    pub(super) vendor: OrgId,
    pub(super) former: OrgId,
    pub(super) gone: OrgId,
    pub(super) signing: [KeyId; 2],
    pub(super) keys: [SigningKey; 7],
    pub(super) digest: PackageDigest,
    pub(super) rows: Vec<(TrustedKeyId, OrgId, usize, Word)>,
    pub(super) grants: Vec<(GrantId, OrgId, OrgId, Option<DateTime<Utc>>)>,
    pub(super) log: Vec<AuditRecord>,
}

pub(super) fn at(second: u32) -> DateTime<Utc> {
    format!("2026-01-28T12:00:{second:02}.000001Z").parse().unwrap()
}

impl OldStore {
    pub(super) async fn fill(database: Database) -> Self {
        let [operator, vendor, former, gone] = [(); 4].map(|()| OrgId::random());
        let mut old = Self {
            database,
            operator,
            vendor,
            former,
            gone,
            signing: [(); 2].map(|()| KeyId::random()),
            keys: [(); 7].map(|()| SigningKey::generate().unwrap()),
            digest: PackageDigest::from_bytes([0; 32]),
            rows: Vec::new(),
            grants: Vec::new(),
            log: Vec::new(),
        };
        let tables = if old.database.is_sqlite() { SQLITE } else { POSTGRES };
        old.execute("CREATE TABLE schema_migrations (name TEXT PRIMARY KEY NOT NULL)").await;
        old.execute("INSERT INTO schema_migrations (name) VALUES ('0001_initial')").await;
        old.execute(tables).await;
        old.organization(operator, "operator", None).await;
        old.organization(vendor, "vendor", None).await;
        old.organization(former, "former", None).await;
        old.organization(gone, "gone", Some(at(9))).await;
        for (org, key, word) in [
            (vendor, 0, Word::Trusted),
            (vendor, 1, Word::Revoked),
            (vendor, 2, Word::Trusted),
            (operator, 2, Word::Denied),
            (gone, 3, Word::Trusted),
            (former, 4, Word::Trusted),
            (operator, 5, Word::Trusted),
            (operator, 6, Word::Revoked),
        ] {
            old.word(org, key, word).await;
        }
        for (child, revoked_at) in
            [(vendor, Some(at(3))), (vendor, None), (gone, None), (former, Some(at(4)))]
        {
            old.grant(operator, child, revoked_at).await;
        }
        old.signing_keys().await;
        old.signature().await;
        old.write_log().await;
        old
    }

    pub(super) async fn migrate(&self) -> KeyManager {
        let (store, applied) = Store::migrate(&self.database.url()).await.unwrap();
        assert_eq!(applied.first(), Some(&"0002_steering"));
        KeyManager::new(store, Some(kek(1)))
    }

    pub(super) async fn execute(&self, sql: &str) {
        self.database.execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    pub(super) fn time(&self, time: Option<DateTime<Utc>>) -> String {
        match time {
            None => "NULL".into(),
            Some(time) if self.database.is_sqlite() => time.timestamp_micros().to_string(),
            Some(time) => format!("'{}'", time.to_rfc3339()),
        }
    }

    pub(super) fn id(&self, id: &Uuid) -> String {
        self.database.id(id)
    }

    async fn organization(&self, org: OrgId, name: &str, deleted_at: Option<DateTime<Utc>>) {
        let (id, deleted_at) = (self.id(org.as_uuid()), self.time(deleted_at));
        let created_at = self.time(Some(at(0)));
        let sql = format!(
            "INSERT INTO organizations (id, name, created_at, deleted_at)
             VALUES ({id}, '{name}', {created_at}, {deleted_at})"
        );
        self.execute(&sql).await;
    }

    async fn word(&mut self, org: OrgId, key: usize, word: Word) {
        let id = TrustedKeyId::random();
        let public = self.keys[key].verifying_key();
        let (key_bytes, name) = match word {
            Word::Denied => ("NULL".into(), "NULL".into()),
            _ => (self.database.bytes(public.as_bytes()), format!("'key-{key}'")),
        };
        let revoked_at = self.time((word != Word::Trusted).then(|| at(5)));
        let sql = format!(
            "INSERT INTO trusted_keys
             (id, org_id, fingerprint, public_key, name, created_at, revoked_at)
             VALUES ({}, {}, {}, {key_bytes}, {name}, {}, {revoked_at})",
            self.id(id.as_uuid()),
            self.id(org.as_uuid()),
            self.database.bytes(public.fingerprint().as_bytes()),
            self.time(Some(at(2))),
        );
        self.execute(&sql).await;
        self.rows.push((id, org, key, word));
    }

    async fn grant(&mut self, parent: OrgId, child: OrgId, revoked_at: Option<DateTime<Utc>>) {
        let id = GrantId::random();
        let sql = format!(
            "INSERT INTO trust_grants (id, parent_org_id, child_org_id, created_at, revoked_at)
             VALUES ({}, {}, {}, {}, {})",
            self.id(id.as_uuid()),
            self.id(parent.as_uuid()),
            self.id(child.as_uuid()),
            self.time(Some(at(2))),
            self.time(revoked_at),
        );
        self.execute(&sql).await;
        self.grants.push((id, parent, child, revoked_at));
    }

    /// Two keys of the vendor under the KEK, of which the second is revoked.
    async fn signing_keys(&self) {
        for (place, (id, revoked_at)) in self.signing.iter().zip([None, Some(at(6))]).enumerate() {
            let key = &self.keys[place];
            let wrapped = kek(1).wrap_key(key, self.vendor, *id).unwrap();
            let sql = format!(
                "INSERT INTO signing_keys (id, org_id, name, fingerprint, public_key,
                 wrapped_key, created_at, revoked_at)
                 VALUES ({}, {}, 'key', {}, {}, {}, {}, {})",
                self.id(id.as_uuid()),
                self.id(self.vendor.as_uuid()),
                self.database.bytes(key.fingerprint().as_bytes()),
                self.database.bytes(key.verifying_key().as_bytes()),
                self.database.bytes(wrapped.as_bytes()),
                self.time(Some(at(1))),
                self.time(revoked_at),
            );
            self.execute(&sql).await;
        }
        let kek_id = self.database.bytes(kek(1).id().as_bytes());
        self.execute(&format!("UPDATE store_state SET kek_id = {kek_id}")).await;
    }

    async fn signature(&mut self) {
        let path = self.database.directory.join("lib.so");
        fs::write(&path, "package").unwrap();
        let statement = package_statement(&path).unwrap();
        self.digest = *statement.digest();
        let text = SignatureEnvelope::sign(&statement, &self.keys[0]).to_json();
        let sql = format!(
            "INSERT INTO package_signatures
             (id, org_id, package_digest, envelope, envelope_digest, created_at)
             VALUES ({}, {}, {}, '{text}', {}, {})",
            self.id(SignatureId::random().as_uuid()),
            self.id(self.vendor.as_uuid()),
            self.database.bytes(self.digest.as_bytes()),
            self.database.bytes(&[7; 32]),
            self.time(Some(at(7))),
        );
        self.execute(&sql).await;
    }

    /// Each organisation's log has an entry; the operator's has three.
    async fn write_log(&mut self) {
        for (org, entries) in
            [(self.operator, 3), (self.vendor, 1), (self.former, 1), (self.gone, 1)]
        {
            let mut previous_hash = vec![0; 32];
            for sequence in 1..=entries {
                let mut entry = AuditRecord {
                    org_id: org,
                    sequence,
                    occurred_at: at(8),
                    event_type: "organization.created".into(),
                    details: r#"{"name":"it's"}"#.into(),
                    previous_hash,
                    entry_hash: Vec::new(),
                };
                entry.entry_hash = entry.computed_hash().to_vec();
                previous_hash = entry.entry_hash.clone();
                let sql = format!(
                    "INSERT INTO audit_log (org_id, sequence, occurred_at, event_type, details,
                     previous_hash, entry_hash)
                     VALUES ({}, {sequence}, {}, '{}', '{}', {}, {})",
                    self.id(org.as_uuid()),
                    self.time(Some(entry.occurred_at)),
                    entry.event_type,
                    entry.details.replace('\'', "''"),
                    self.database.bytes(&entry.previous_hash),
                    self.database.bytes(&entry.entry_hash),
                );
                self.execute(&sql).await;
                self.log.push(entry);
            }
            let sql = format!(
                "INSERT INTO audit_heads (org_id, sequence, entry_hash) VALUES ({}, {entries}, {})",
                self.id(org.as_uuid()),
                self.database.bytes(&previous_hash),
            );
            self.execute(&sql).await;
        }
    }

    pub(super) fn row(&self, org: OrgId, key: usize) -> TrustedKeyId {
        self.rows.iter().find(|row| (row.1, row.2) == (org, key)).unwrap().0
    }

    /// What every organisation says about every key, as it was before.
    pub(super) fn verdicts(&self) -> Vec<(OrgId, usize, Result<TrustPath, UntrustedReason>)> {
        let Self { operator, vendor, former, gone, .. } = *self;
        let direct = |org, key| Ok(TrustPath::Direct { trusted_key: self.row(org, key) });
        let revoked = || Err(UntrustedReason::Revoked { at: at(5) });
        let deleted = || Err(UntrustedReason::OrganizationDeleted { at: at(9) });
        let unknown = || Err(UntrustedReason::Unknown);
        let by_vendor = TrustPath::Granted {
            grant: self.grants[1].0,
            child: vendor,
            child_name: "vendor".parse().unwrap(),
            trusted_key: self.row(vendor, 0),
        };
        let revoked_by_vendor =
            UntrustedReason::RevokedByChild { child_name: "vendor".parse().unwrap(), at: at(5) };
        let of_gone =
            UntrustedReason::ChildDeleted { child_name: "gone".parse().unwrap(), at: at(9) };
        let mut verdicts = vec![
            (operator, 0, Ok(by_vendor)),
            (operator, 1, Err(revoked_by_vendor)),
            (operator, 2, Err(UntrustedReason::Denied { at: at(5) })),
            (operator, 3, Err(of_gone)),
            (operator, 4, unknown()),
            (operator, 5, direct(operator, 5)),
            (operator, 6, revoked()),
            (vendor, 0, direct(vendor, 0)),
            (vendor, 1, revoked()),
            (vendor, 2, direct(vendor, 2)),
            (former, 4, direct(former, 4)),
        ];
        verdicts.extend((3..7).map(|key| (vendor, key, unknown())));
        verdicts.extend([0, 1, 2, 3, 5, 6].map(|key| (former, key, unknown())));
        verdicts.extend((0..7).map(|key| (gone, key, deleted())));
        verdicts
    }
}
