//! Random changes, made in a store and in the model of it alike.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use signing_crypto::{OrgId, PackagePatterns, SigningKey, TrustedKeyId};
use signing_trust::TrustLimits;
use signing_trust::store::{Revocation, TrustedKeyRecord};
use zeroize::Zeroizing;

use super::Random;
use super::model::{End, Grant, Model, Refusal, Word};
use crate::support::World;

/// An organization is granted trust for packages such as these. In the order in which
/// the store keeps them, so that the same are the same.
const SCOPES: [&[&str]; 6] =
    [&[], &[], &["etl-*"], &["*.so"], &["etl-a.so", "web.so"], &["nobody-?"]];

/// A graph in the store, and its model.
pub(super) struct Graph<'a> {
    pub(super) world: &'a World,
    pub(super) orgs: Vec<OrgId>,
    pub(super) keys: Vec<SigningKey>,
    pub(super) model: Model,
    rows: BTreeMap<(usize, usize), TrustedKeyId>,
    seed: u64,
    log: Vec<String>,
}

/// With its seed, and everything that was done.
impl fmt::Display for Graph<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, log, .. } = self;
        write!(f, "CLOACINA_TEST_SEED={seed} CLOACINA_TEST_GRAPHS=1: {}", log.join("; "))
    }
}

impl<'a> Graph<'a> {
    /// New organizations and keys, which nothing in the store is about yet.
    pub(super) async fn random(world: &'a World, seed: u64, random: &mut Random) -> Self {
        let mut orgs = Vec::new();
        for number in 0..2 + random.below(5) {
            orgs.push(world.org(&format!("org{number}-of-{seed}")).await);
        }
        let keys = (0..1 + random.below(5)).map(|_| {
            let mut bytes = Zeroizing::new([0; 32]);
            bytes.chunks_mut(8).for_each(|part| part.copy_from_slice(&random.next().to_be_bytes()));
            SigningKey::from_seed(&bytes)
        });
        let keys = keys.collect();
        let (model, rows, log) = (Model::default(), BTreeMap::new(), Vec::new());
        Self { world, orgs, keys, model, rows, seed, log }
    }

    /// Makes one change. What the rules forbid, the store must refuse, and then change
    /// nothing.
    pub(super) async fn change(&mut self, random: &mut Random) {
        let (org, key) = (random.below(self.orgs.len()), random.below(self.keys.len()));
        let other = random.below(self.orgs.len());
        // Most pairs have said nothing yet, and there would be nothing to take back.
        let word = some_of(&self.rows, random).unwrap_or((org, key));
        let grant = some_of(&self.model.grants, random).unwrap_or((org, other));
        match random.below(40) {
            0..12 => self.trust(org, key, random).await,
            12..15 => self.end_trust(word.0, word.1).await,
            15..17 => self.revoke_key(word.0, word.1, Refusal::Retired).await,
            17 => self.revoke_key(word.0, word.1, Refusal::Compromised).await,
            18..20 => self.deny(org, key).await,
            20..23 => self.reinstate(word.0, word.1).await,
            23..34 => self.grant(org, other, random).await,
            34..36 => self.end_grant(grant.0, grant.1).await,
            36..38 => self.revoke_grant(grant.0, grant.1).await,
            38 => self.compromise(org, key, random).await,
            _ => self.delete(org, random).await,
        }
    }

    /// Takes one trusted key or one grant away, if there is any.
    pub(super) async fn take_some_trust_away(&mut self, random: &mut Random) -> bool {
        let living = |org: &usize| !self.model.deleted.contains(org);
        let trusted = |word: &Word| word.trusted.is_some() && word.refused.is_none();
        let words = self.model.words.iter().filter(|((org, _), word)| living(org) && trusted(word));
        let words: Vec<_> = words.map(|(place, _)| (true, *place)).collect();
        let grants = self.model.grants.keys().filter(|(parent, _)| living(parent));
        let all: Vec<_> = words.into_iter().chain(grants.map(|place| (false, *place))).collect();
        if all.is_empty() {
            return false;
        }
        match random.one_of(&all) {
            (true, (org, key)) => self.revoke_key(org, key, Refusal::Retired).await,
            (false, (parent, child)) => self.revoke_grant(parent, child).await,
        }
        true
    }

    async fn trust(&mut self, org: usize, key: usize, random: &mut Random) {
        let end = if random.one_in(3) { End::Future } else { End::Never };
        self.log.push(format!("{org} trusts {key} {end:?}"));
        let public = self.keys[key].verifying_key();
        let keys = &self.world.keys;
        let trusted = keys.trust_public_key(self.orgs[org], &public, None, time(end)).await;
        assert_eq!(trusted.is_ok(), self.model.may_trust(org, key), "{self}: {trusted:?}");
        if let Ok(change) = trusted {
            self.note(org, key, &change.into_inner());
            self.model.words.entry((org, key)).or_default().trusted = Some(end);
        }
    }

    /// Past the store, which refuses to trust until a time that has passed.
    async fn end_trust(&mut self, org: usize, key: usize) {
        let Some(word) = self.model.words.get_mut(&(org, key)) else { return };
        if word.trusted.is_none() {
            return;
        }
        word.trusted = Some(End::Past);
        self.log.push(format!("{org}'s trust in {key} ends"));
        let database = &self.world.database;
        let (past, row) = (self.past(), database.id(self.rows[&(org, key)].as_uuid()));
        let sql = format!("UPDATE trusted_keys SET expires_at = {past} WHERE id = {row}");
        database.execute(&sql).await.unwrap();
    }

    async fn revoke_key(&mut self, org: usize, key: usize, refusal: Refusal) {
        let Some(id) = self.rows.get(&(org, key)) else { return };
        self.log.push(format!("{org} revokes {key} {refusal:?}"));
        let revocation = match refusal {
            Refusal::Retired => Revocation::retired(),
            Refusal::Compromised => Revocation::compromised(),
        };
        let revoked = self.world.keys.revoke_trusted_key(*id, revocation).await;
        assert_eq!(revoked.is_ok(), !self.model.deleted.contains(&org), "{self}: {revoked:?}");
        if revoked.is_ok() {
            self.model.refuse(org, key, refusal);
        }
    }

    async fn deny(&mut self, org: usize, key: usize) {
        self.log.push(format!("{org} denies {key}"));
        let fingerprint = self.keys[key].fingerprint();
        let denied = self.world.keys.deny_key(self.orgs[org], &fingerprint, None).await;
        assert_eq!(denied.is_ok(), !self.model.deleted.contains(&org), "{self}: {denied:?}");
        if let Ok(change) = denied {
            self.note(org, key, &change.into_inner());
            self.model.refuse(org, key, Refusal::Retired);
        }
    }

    async fn reinstate(&mut self, org: usize, key: usize) {
        let Some(id) = self.rows.get(&(org, key)) else { return };
        self.log.push(format!("{org} reinstates {key}"));
        let note = "a mistake".parse().unwrap();
        let reinstated = self.world.keys.reinstate_trusted_key(*id, &note).await;
        let may = self.model.may_reinstate(org, key);
        assert_eq!(reinstated.is_ok(), may, "{self}: {reinstated:?}");
        if may {
            self.model.words.entry((org, key)).or_default().refused = None;
        }
    }

    async fn grant(&mut self, parent: usize, child: usize, random: &mut Random) {
        let end = if random.one_in(4) { End::Future } else { End::Never };
        let grant = Grant { packages: random.one_of(&SCOPES).to_vec(), end };
        self.log.push(format!("{parent} grants {child} {grant:?}"));
        let patterns = grant.packages.iter().map(|pattern| (*pattern).to_owned()).collect();
        let packages = (!grant.packages.is_empty()).then(|| PackagePatterns::new(patterns));
        let scope =
            TrustLimits { packages: packages.map(Result::unwrap), expires_at: time(grant.end) };
        let (parent_id, child_id) = (self.orgs[parent], self.orgs[child]);
        let granted = self.world.keys.grant_trust(parent_id, child_id, scope).await;
        assert_eq!(granted.is_ok(), self.model.may_grant(parent, child), "{self}: {granted:?}");
        if granted.is_ok() {
            self.model.grants.insert((parent, child), grant);
        }
    }

    async fn end_grant(&mut self, parent: usize, child: usize) {
        let Some(grant) = self.model.grants.get_mut(&(parent, child)) else { return };
        grant.end = End::Past;
        self.log.push(format!("{parent}'s grant to {child} ends"));
        let database = &self.world.database;
        let [parent, child] = [parent, child].map(|org| database.id(self.orgs[org].as_uuid()));
        let past = self.past();
        let sql = format!(
            "UPDATE trust_grants SET expires_at = {past} WHERE parent_org_id = {parent}
             AND child_org_id = {child} AND revoked_at IS NULL"
        );
        database.execute(&sql).await.unwrap();
    }

    async fn revoke_grant(&mut self, parent: usize, child: usize) {
        self.log.push(format!("{parent} ends its grant to {child}"));
        let revoked = self.world.keys.revoke_trust(self.orgs[parent], self.orgs[child]).await;
        assert_eq!(revoked.is_ok(), !self.model.deleted.contains(&parent), "{self}: {revoked:?}");
        if revoked.is_ok() {
            self.model.grants.remove(&(parent, child));
        }
    }

    /// For every organization: by its owner, who had to have the private key, or by
    /// the store's administrator.
    async fn compromise(&mut self, org: usize, key: usize, random: &mut Random) {
        if self.model.deleted.contains(&org) || self.model.compromised.contains(&key) {
            return;
        }
        self.log.push(format!("{org} declares {key} compromised"));
        let (keys, id) = (&self.world.keys, self.orgs[org]);
        if random.one_in(2) {
            let fingerprint = self.keys[key].fingerprint();
            keys.danger_declare_compromised(id, &fingerprint, None).await.unwrap();
        } else {
            let name = format!("key{key}").parse().unwrap();
            let own = keys.import_signing_key(id, name, &self.keys[key]).await.unwrap();
            keys.revoke_signing_key(own.id, Revocation::compromised()).await.unwrap();
        }
        self.model.compromised.insert(key);
    }

    async fn delete(&mut self, org: usize, random: &mut Random) {
        // Or soon nobody is left.
        if random.one_in(2) || self.model.deleted.len() >= self.orgs.len() / 2 {
            return;
        }
        self.log.push(format!("{org} is deleted"));
        let deleted = self.world.keys.delete_organization(self.orgs[org]).await;
        assert_eq!(deleted.is_ok(), self.model.deleted.insert(org), "{self}: {deleted:?}");
    }

    fn note(&mut self, org: usize, key: usize, row: &TrustedKeyRecord) {
        let id = *self.rows.entry((org, key)).or_insert(row.id);
        assert_eq!(id, row.id, "{self}: a second row");
    }

    fn past(&self) -> String {
        match self.world.database.is_sqlite() {
            true => (Utc::now() - TimeDelta::hours(1)).timestamp_micros().to_string(),
            false => "now() - interval '1 hour'".into(),
        }
    }
}

fn some_of<T>(places: &BTreeMap<(usize, usize), T>, random: &mut Random) -> Option<(usize, usize)> {
    match places.len() {
        0 => None,
        some => places.keys().nth(random.below(some)).copied(),
    }
}

/// The same each time, so that to trust again until then changes nothing.
fn time(end: End) -> Option<DateTime<Utc>> {
    match end {
        End::Never => None,
        End::Past => unreachable!("the store refuses it"),
        End::Future => Some("2999-01-01T00:00:00Z".parse().unwrap()),
    }
}
