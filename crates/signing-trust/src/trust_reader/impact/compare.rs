//! What one organization accepts of what stores keep, before and after a change.

use std::collections::{BTreeMap, BTreeSet};

use signing_crypto::{
    OrgId, PackageDigest, PackageName, SignatureEnvelope, SigningKey, VerifyingKey,
};
use signing_store::{OrganizationRecord, PackageSignatureRecord};

use super::{AffectedSignature, AffectedSignatures};
use crate::acceptance::{VerificationConfig, accept};
use crate::candidates::decide_signers;
use crate::decision::{DecisionError, Signers};
use crate::error::TrustError;
use crate::rules::{DecisionContext, Packages, Scenario, simulate};
use crate::snapshot::OrganizationTrust;
use crate::source::{MAX_KEY_ROWS, read_store};
use crate::trust_reader::TrustReader;
use crate::trust_reader::rotation::{ResignOutcome, Resigner, Resigning};
use crate::trust_reader::signature_search::{SEARCH_LIMIT, SignatureSearch};
use crate::trust_reader::signatures::StoredSignature;

/// Which stored signatures a change can concern.
#[derive(Clone, Copy)]
pub(super) enum Focus<'a> {
    Everything,
    /// Those by this key. One that names no key may be tried with fewer keys, or with too many,
    /// so it is among them.
    Key(&'a VerifyingKey),
    /// Those by the old key, which its successor may sign again.
    Rotation {
        old: &'a VerifyingKey,
        new: &'a VerifyingKey,
    },
    /// Those about this package.
    Package(&'a PackageName),
}

impl Focus<'_> {
    fn contains(self, envelope: &SignatureEnvelope) -> bool {
        match self {
            Self::Everything => true,
            Self::Key(key) | Self::Rotation { old: key, .. } => {
                envelope.verify(key).is_ok() || Signers::of(envelope).unnamed
            }
            Self::Package(name) => {
                envelope.unverified_statement().is_ok_and(|statement| statement.name() == name)
            }
        }
    }
}

/// The packages that organizations keep such signatures for, as far as that was asked.
pub(super) struct KeptDigests<'a> {
    pub(super) focus: Focus<'a>,
    planned: Option<PlannedSigning<'a>>,
    pub(super) search: SignatureSearch,
    digests: BTreeMap<OrgId, BTreeSet<PackageDigest>>,
}

impl<'a> From<Focus<'a>> for KeptDigests<'a> {
    fn from(focus: Focus<'a>) -> Self {
        let search = SignatureSearch::within(SEARCH_LIMIT);
        Self { focus, planned: None, search, digests: BTreeMap::new() }
    }
}

impl<'a> KeptDigests<'a> {
    pub(super) fn after(self, planned: PlannedSigning<'a>) -> Self {
        Self { planned: Some(planned), ..self }
    }
}

/// What a rotation would sign again, and with which key. `None` signs nothing.
pub(super) struct PlannedSigning<'a> {
    pub(super) resigning: Resigning<'a>,
    pub(super) signer: Option<&'a SigningKey>,
}

impl PlannedSigning<'_> {
    /// What would be stored instead of an envelope. `None` if that stays.
    fn resigned(&self, keeper: OrgId, envelope: &SignatureEnvelope) -> Option<SignatureEnvelope> {
        let Resigning { old, .. } = &self.resigning;
        if keeper != old.org() || envelope.verify(&old.verifying_key()).is_err() {
            return None;
        }
        let statement = envelope.unverified_statement().ok()?;
        let ResignOutcome::Added = self.resigning.outcome(envelope, &statement) else {
            return None;
        };
        let mut resigned = envelope.clone();
        resigned.add_signature(self.signer?).ok()?;
        Some(resigned)
    }
}

impl Resigner for PlannedSigning<'_> {
    /// A full envelope leaves room in one of its own, if that says the same.
    async fn resign(
        &self,
        _: PackageSignatureRecord,
        envelope: SignatureEnvelope,
    ) -> Result<ResignOutcome, TrustError> {
        let has_room = |signer: &SigningKey| {
            envelope.clone().add_signature(signer).is_ok()
                || envelope.unverified_statement().is_ok_and(|statement| {
                    let alone = SignatureEnvelope::sign(&statement, signer);
                    alone.signed_bytes() == envelope.signed_bytes()
                })
        };
        match self.signer.is_some_and(has_room) {
            true => Ok(ResignOutcome::Added),
            false => Ok(ResignOutcome::Left),
        }
    }
}

/// What one organization would no longer accept, and what it would accept then. `None` if that
/// is nothing.
pub(super) struct SignatureComparison {
    pub(super) gained: Option<AffectedSignatures>,
    pub(super) lost: Option<AffectedSignatures>,
}

/// Whether something holds now, and whether it would hold after the change.
#[derive(Clone, Copy, Default)]
struct Judged {
    before: bool,
    after: bool,
}

impl TrustReader {
    pub(super) async fn compare_signatures(
        &self,
        org: &OrganizationRecord,
        scenario: &Scenario,
        kept: &mut KeptDigests<'_>,
    ) -> Result<SignatureComparison, TrustError> {
        let mut keepers = BTreeSet::from([org.id]);
        let children = self.store.children_of(org.id).await?;
        keepers.extend(children.into_iter().map(|(_, child)| child.id));
        let joining = scenario.new_child_of(org.id).filter(|child| keepers.insert(*child));
        let mut digests = BTreeSet::new();
        for keeper in keepers {
            digests.extend(self.digests(keeper, kept).await?);
        }
        let (mut gained, mut lost) = (BTreeSet::new(), BTreeSet::new());
        let (mut before, mut after) = (BTreeSet::new(), BTreeSet::new());
        for digest in digests {
            if kept.search.is_over() {
                break;
            }
            for (found, is_found) in self.found(org.id, joining, scenario, digest).await? {
                let Ok(envelope) = found.envelope else { continue };
                let Ok(statement) = envelope.unverified_statement() else { continue };
                if *statement.digest() != digest {
                    continue;
                }
                let name = statement.name().clone();
                let mut judged = self.judge(org.id, &envelope, &name, scenario).await?;
                let planned = kept.planned.as_ref();
                if let Some(then) = planned.and_then(|it| it.resigned(found.org, &envelope)) {
                    judged.after = self.judge(org.id, &then, &name, scenario).await?.after;
                }
                let accepted = Judged {
                    before: judged.before && is_found.before,
                    after: judged.after && is_found.after,
                };
                if accepted.before {
                    before.insert((digest, name.clone()));
                }
                if accepted.after {
                    after.insert((digest, name.clone()));
                }
                let signature = AffectedSignature { name, digest, id: found.id };
                match accepted {
                    Judged { before: true, after: false } => lost.insert(signature),
                    Judged { before: false, after: true } => gained.insert(signature),
                    _ => false,
                };
            }
        }
        let affected = |signatures: BTreeSet<_>, packages| {
            let affected = AffectedSignatures { org: org.clone(), signatures, packages };
            Some(affected).filter(|affected| !affected.signatures.is_empty())
        };
        Ok(SignatureComparison {
            gained: affected(gained, after.difference(&before).cloned().collect()),
            lost: affected(lost, before.difference(&after).cloned().collect()),
        })
    }

    /// The signatures that the store finds for a package, now or then: it finds those of the
    /// organization, and of those alone that trust is granted to.
    async fn found(
        &self,
        org: OrgId,
        joining: Option<OrgId>,
        scenario: &Scenario,
        digest: PackageDigest,
    ) -> Result<Vec<(StoredSignature, Judged)>, TrustError> {
        let now = self.find_signatures(org, digest).await?.into_iter().map(|found| {
            let after = !scenario.hides(org, found.org);
            (found, Judged { before: true, after })
        });
        let mut all: Vec<_> = now.collect();
        if let Some(child) = joining {
            let theirs = self.stored_signatures(child, digest).await?;
            let then = theirs.signatures();
            all.extend(then.map(|found| (found, Judged { before: false, after: true })));
        }
        Ok(all)
    }

    /// The packages that an organization keeps such signatures for.
    async fn digests(
        &self,
        keeper: OrgId,
        kept: &mut KeptDigests<'_>,
    ) -> Result<BTreeSet<PackageDigest>, TrustError> {
        if let Some(digests) = kept.digests.get(&keeper) {
            return Ok(digests.clone());
        }
        let mut digests = BTreeSet::new();
        let mut all = self.store.each_stored_signature(keeper);
        while let Some(record) = kept.search.next(&mut all).await? {
            let envelope = SignatureEnvelope::parse(record.envelope.as_bytes());
            if envelope.is_ok_and(|envelope| kept.focus.contains(&envelope)) {
                digests.insert(record.package_digest);
            }
        }
        kept.digests.insert(keeper, digests.clone());
        Ok(digests)
    }

    /// Whether an envelope suffices now, and whether it would. A runner may ask for more than
    /// one signer.
    async fn judge(
        &self,
        org: OrgId,
        envelope: &SignatureEnvelope,
        name: &PackageName,
        scenario: &Scenario,
    ) -> Result<Judged, TrustError> {
        let (first, all) = Signers::of(envelope).named_first();
        let mut judged = self.judge_signers(org, envelope, name, &first, scenario).await?;
        if let Some(all) = all
            && !(judged.before && judged.after)
        {
            let by_all = self.judge_signers(org, envelope, name, &all, scenario).await?;
            judged.before |= by_all.before;
            judged.after |= by_all.after;
        }
        Ok(judged)
    }

    async fn judge_signers(
        &self,
        org: OrgId,
        envelope: &SignatureEnvelope,
        name: &PackageName,
        signers: &Signers,
        scenario: &Scenario,
    ) -> Result<Judged, TrustError> {
        let now = match read_store(&self.store, org, signers).await {
            // More keys than are tried: refused now, and then.
            Err(TrustError::Decision(DecisionError::TooManyCandidates { .. })) => {
                return Ok(Judged::default());
            }
            read => read?,
        };
        let context = DecisionContext::at(now.now());
        let then = simulate(&now, scenario, context.now);
        let config = VerificationConfig::default();
        let suffices = |trust: &OrganizationTrust| {
            if signers.unnamed && trust.key_entries() > MAX_KEY_ROWS {
                return Ok(false);
            }
            match decide_signers(trust, signers, Packages::Named(name), context) {
                Ok(decision) => Ok(accept(envelope, &decision, &config, name).is_ok()),
                Err(DecisionError::TooManyCandidates { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        };
        Ok(Judged { before: suffices(&now)?, after: suffices(&then)? })
    }
}
