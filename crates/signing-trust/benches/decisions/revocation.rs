use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use signing_crypto::{OrgId, PackageName, SigningKey};
use signing_trust::acceptance::ClockSkewAllowance;
use signing_trust::store::{DatabaseUrl, Revocation, Store};
use signing_trust::{Freshness, KeyManager, Signers};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::measure::{micros, quantile};

const ROUNDS: usize = 200;
/// Longer than the store takes to tell of a change, so that what is asked next is
/// remembered, and longer than the first of those questions takes.
const SETTLED: Duration = Duration::from_millis(20);

/// Revokes one key after the other, and measures until another process' manager, so
/// to speak, refuses it; returns what goes below the table.
pub(crate) async fn rows(url: &DatabaseUrl, bound: Duration) -> Result<Vec<String>> {
    let writer = KeyManager::new(Store::open(url).await?, None);
    let strict = KeyManager::new(Store::open(url).await?, None);
    let bounded =
        KeyManager::new(Store::open(url).await?, None).with_freshness(Freshness::Bounded(bound));
    let org = writer.create_organization("revoking".parse()?).await?.id;

    let (mut late, mut accepted_late) = (Vec::new(), 0);
    for _ in 0..ROUNDS {
        let key = SigningKey::generate()?.verifying_key();
        let trusted = writer.trust_public_key(org, &key, None, None).await?.into_inner();
        let question = Asked { org, signers: Signers::one(key.fingerprint()) };
        tokio::time::sleep(SETTLED).await;
        ensure!(question.accepted_by(&bounded).await?, "a key that was just trusted is refused");

        let refused = spawn_blocking({
            let (bounded, question) = (bounded.clone(), question.clone());
            // On a thread of its own: an answer from memory never lets others run.
            move || Handle::current().block_on(question.refused_by(&bounded))
        });
        tokio::time::sleep(SETTLED).await;
        writer.revoke_trusted_key(trusted.id, Revocation::retired()).await?;
        let returned = Instant::now();
        accepted_late += usize::from(question.accepted_by(&strict).await?);
        late.push(signed_nanos(returned, refused.await??));
    }
    late.sort_unstable_by(f64::total_cmp);
    let time = |share| quantile(&late, share).map_or_else(String::new, micros);
    let early = late.iter().filter(|nanos| **nanos <= 0.0).count();
    Ok(vec![
        "| freshness | after `revoke_trusted_key` returned |".into(),
        "|---|---|".into(),
        format!(
            "| bounded (60 s) | first refusal after p50 {}, p99 {}, at most {}; in {early} of \
             {ROUNDS} rounds before it returned |",
            time(0.5),
            time(0.99),
            time(1.0)
        ),
        format!("| strict | accepted {accepted_late} of {ROUNDS} |"),
    ])
}

#[derive(Clone)]
struct Asked {
    org: OrgId,
    signers: Signers,
}

impl Asked {
    async fn accepted_by(&self, keys: &KeyManager) -> Result<bool> {
        let package: PackageName = "libworkflow.so".parse()?;
        let decision =
            keys.decide(self.org, &self.signers, &package, ClockSkewAllowance::NONE).await?;
        Ok(decision.trusted().next().is_some())
    }

    /// Asks until the answer is no, and says when it came.
    async fn refused_by(&self, keys: &KeyManager) -> Result<Instant> {
        let start = Instant::now();
        while self.accepted_by(keys).await? {
            ensure!(start.elapsed() < Duration::from_secs(10), "a revoked key is still accepted");
        }
        Ok(Instant::now())
    }
}

/// Less than nothing where `end` came first.
fn signed_nanos(start: Instant, end: Instant) -> f64 {
    match end.checked_duration_since(start) {
        Some(after) => after.as_nanos() as f64,
        None => -((start - end).as_nanos() as f64),
    }
}
