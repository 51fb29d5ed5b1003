//! Which stored signatures a successor signs again, whether it does or would.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use signing_crypto::{
    PackageName, PackageStatement, PackageVersion, SignatureEnvelope, StatementTime, VerifyingKey,
};
use signing_store::PackageSignatureRecord;

use super::{Outdated, Resign, ResignOutcome, ResignTally};
use crate::acceptance::{ClockSkewAllowance, require_floor, require_unexpired};
use crate::error::TrustError;
use crate::trust_reader::signature_search::SignatureSearch;
use crate::trust_reader::signatures::signed_by;
use crate::trust_reader::{ProvenKey, TrustReader};

/// A key that takes the place of another, and which of its signatures it makes again.
pub(crate) struct Resigning<'a> {
    pub(crate) old: &'a ProvenKey,
    pub(crate) new: VerifyingKey,
    resign: &'a Resign,
    rules: StatementRules,
}

impl Resigning<'_> {
    /// What becomes of an envelope that the old key has signed, if there is room for another
    /// signature.
    pub(crate) fn outcome(
        &self,
        envelope: &SignatureEnvelope,
        statement: &PackageStatement,
    ) -> ResignOutcome {
        if envelope.verify(&self.new).is_ok() {
            return ResignOutcome::Already;
        }
        match self.rules.outdated(statement) {
            Some(why) => ResignOutcome::Outdated(why),
            None if self.resign.includes(statement) => ResignOutcome::Added,
            None => ResignOutcome::Left,
        }
    }
}

/// Makes signatures again, or says what would come of that.
pub(crate) trait Resigner {
    fn resign(
        &self,
        kept: PackageSignatureRecord,
        envelope: SignatureEnvelope,
    ) -> impl Future<Output = Result<ResignOutcome, TrustError>> + Send;
}

impl TrustReader {
    pub(crate) async fn resigning<'a>(
        &self,
        old: &'a ProvenKey,
        new: VerifyingKey,
        resign: &'a Resign,
    ) -> Result<Resigning<'a>, TrustError> {
        Ok(Resigning { old, new, resign, rules: self.statement_rules(old).await? })
    }

    /// Looks at the stored signatures that the old key made, and has `resigner` make again those
    /// that are to be. Without one they stay.
    pub(crate) async fn each_resigned(
        &self,
        resigning: &Resigning<'_>,
        limit: Duration,
        resigner: Option<&(impl Resigner + Sync)>,
    ) -> Result<ResignTally, TrustError> {
        let mut tally = ResignTally::default();
        let mut search = SignatureSearch::within(limit);
        let mut all = self.store.each_stored_signature(resigning.old.org());
        while let Some(kept) = search.next(&mut all).await? {
            let Some(envelope) = signed_by(&kept, &resigning.old.verifying_key()) else {
                continue;
            };
            let (id, statement) = (kept.id, envelope.unverified_statement()?);
            let outcome = match (resigning.outcome(&envelope, &statement), resigner) {
                (ResignOutcome::Added, Some(resigner)) => resigner.resign(kept, envelope).await?,
                (ResignOutcome::Added, None) => ResignOutcome::Left,
                (outcome, _) => outcome,
            };
            tally.add(id, statement, outcome);
        }
        Ok(tally.with_extent(search.extent()))
    }

    /// What the organization of `key` asks now.
    async fn statement_rules(&self, key: &ProvenKey) -> Result<StatementRules, TrustError> {
        let now = self.trust_in_key(key.org(), key.fingerprint()).await?.now();
        let floors = self.store.version_floors(key.org()).await?;
        let floors = floors.into_iter().map(|record| (record.package_name, record.floor)).collect();
        Ok(StatementRules { now, floors })
    }
}

/// What an organization asks of a statement, regardless of its signer.
struct StatementRules {
    now: DateTime<Utc>,
    floors: BTreeMap<PackageName, PackageVersion>,
}

impl StatementRules {
    fn outdated(&self, statement: &PackageStatement) -> Option<Outdated> {
        let expires_at = statement.expires_at().map(StatementTime::to_utc);
        if require_unexpired(expires_at, self.now, ClockSkewAllowance::NONE).is_err() {
            return Some(Outdated::Expired);
        }
        let floor = self.floors.get(statement.name())?;
        let is_below = require_floor(statement.version(), Some(floor)).is_err();
        is_below.then(|| Outdated::BelowFloor { floor: floor.clone() })
    }
}
