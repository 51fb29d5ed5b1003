//! Envelopes with several signatures, of which several must count.

use std::collections::BTreeSet;

use signing_crypto::{SignatureEnvelope, SigningKey};
use signing_loader::{RequiredSigners, SignerCount, VerificationError, package_statement};

use super::Random;
use super::changes::Graph;
use super::decisions::PACKAGES;
use crate::support::{edit, inspect_signature};

/// Who must have signed.
#[derive(Clone, Copy, Debug)]
enum Quorum {
    Keys(usize),
    Organizations(usize),
}

impl Quorum {
    fn required(self) -> RequiredSigners {
        let count = |number| SignerCount::new(number).unwrap();
        match self {
            Self::Keys(number) => RequiredSigners::Keys(count(number)),
            Self::Organizations(number) => RequiredSigners::Organizations(count(number)),
        }
    }
}

/// An envelope, the same with a signature less, and what is asked of both.
pub(super) struct Quorums {
    package: usize,
    envelopes: Vec<Signed>,
    quorums: Vec<Quorum>,
}

struct Signed {
    envelope: SignatureEnvelope,
    /// The keys that have signed it.
    by: Vec<usize>,
}

/// What is accepted: organization, envelope, quorum.
pub(super) type Met = BTreeSet<(usize, usize, usize)>;

impl Quorums {
    pub(super) fn random(graph: &Graph<'_>, random: &mut Random) -> Self {
        let package = random.below(PACKAGES.len());
        let path = graph.world.file(PACKAGES[package], b"no library");
        let statement = package_statement(&path).unwrap();
        let mut by: Vec<_> = (0..graph.keys.len()).collect();
        while by.len() > 1 && random.one_in(4) {
            by.swap_remove(random.below(by.len()));
        }
        let key = |number: usize| -> &SigningKey { &graph.keys[number] };
        let mut envelope = SignatureEnvelope::sign(&statement, key(by[0]));
        for other in &by[1..] {
            envelope.add_signature(key(*other)).unwrap();
        }
        for place in 0..by.len() {
            if random.one_in(4) {
                envelope = edit(&envelope, |json| json["signatures"][place]["keyid"] = "".into());
            }
        }
        let mut envelopes = vec![Signed { envelope, by }];
        if envelopes[0].by.len() > 1 {
            let Signed { envelope, by } = &envelopes[0];
            let place = random.below(by.len());
            let remove = |json: &mut serde_json::Value| {
                json["signatures"].as_array_mut().unwrap().remove(place);
            };
            let (envelope, mut by) = (edit(envelope, remove), by.clone());
            by.remove(place);
            envelopes.push(Signed { envelope, by });
        }
        let quorums = (0..3).map(|_| match random.one_in(2) {
            true => Quorum::Keys(1 + random.below(4)),
            false => Quorum::Organizations(1 + random.below(4)),
        });
        Self { package, envelopes, quorums: quorums.collect() }
    }

    /// Asks every organization, and compares with the model.
    pub(super) async fn ask(&self, graph: &Graph<'_>) -> Met {
        let mut met = Met::new();
        for org in 0..graph.orgs.len() {
            for (which, quorum) in self.quorums.iter().enumerate() {
                for (place, signed) in self.envelopes.iter().enumerate() {
                    let is_met = is_met(graph, org, signed, *quorum).await;
                    assert_eq!(
                        is_met,
                        self.expected(graph, org, signed, *quorum),
                        "{graph}: {org} about {:?} and {quorum:?}",
                        signed.by
                    );
                    if is_met {
                        met.insert((org, place, which));
                    }
                }
                assert!(
                    !met.contains(&(org, 1, which)) || met.contains(&(org, 0, which)),
                    "{graph}: {org} accepts with a signature less, for {quorum:?}"
                );
            }
        }
        met
    }

    fn expected(&self, graph: &Graph<'_>, org: usize, signed: &Signed, quorum: Quorum) -> bool {
        let package = PACKAGES[self.package];
        let vouchers: Vec<_> = signed
            .by
            .iter()
            .map(|key| graph.model.vouchers(org, *key, package))
            .filter(|vouchers| !vouchers.is_empty())
            .collect();
        match quorum {
            Quorum::Keys(number) => vouchers.len() >= number,
            Quorum::Organizations(number) => distinct(&vouchers, &BTreeSet::new()) >= number,
        }
    }
}

async fn is_met(graph: &Graph<'_>, org: usize, signed: &Signed, quorum: Quorum) -> bool {
    let mut config = graph.world.config.clone();
    config.required_signers = quorum.required();
    let (id, keys) = (graph.orgs[org], &graph.world.keys);
    let inspected = inspect_signature(&signed.envelope, id, &config, keys).await;
    match inspected.unwrap().outcome {
        Ok(()) => true,
        Err(
            VerificationError::UntrustedSigner { .. } | VerificationError::NotEnoughSigners { .. },
        ) => false,
        Err(other) => panic!("{graph}: {other:?}"),
    }
}

/// For how many keys an organization of their own can be found: all ways are tried.
fn distinct(vouchers: &[BTreeSet<usize>], taken: &BTreeSet<usize>) -> usize {
    let Some((first, others)) = vouchers.split_first() else { return 0 };
    let without = distinct(others, taken);
    let with = first.difference(taken).map(|org| {
        let taken = taken.iter().chain([org]).copied().collect();
        1 + distinct(others, &taken)
    });
    with.chain([without]).max().unwrap_or_default()
}
