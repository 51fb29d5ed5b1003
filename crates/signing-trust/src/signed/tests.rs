use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use signing_crypto::{OrgId, TrustDocumentKind, TrustStateId};
use signing_store::Heartbeat;

use crate::acceptance::ClockSkewAllowance;
use crate::candidates::decide_signers;
use crate::decision::{DecisionError, Signers};
use crate::document_error::{DocumentOwner, SignedTrustError};
use crate::rules::{DecisionContext, Packages};
use crate::snapshot::{Expiry, OrganizationTrust, TimedHeartbeat, boot_time};

/// Trust by documents that expire in an hour, as a store says it whose clock shows `as_of`.
fn trust(as_of: Option<DateTime<Utc>>) -> OrganizationTrust {
    let at = Utc::now() + TimeDelta::hours(1);
    let heartbeat = Heartbeat { state: TrustStateId::random(), epoch: 1, as_of };
    OrganizationTrust {
        documents: Some(Expiry {
            org: Arc::new(DocumentOwner {
                id: OrgId::random(),
                name: "acme".parse().expect("a name"),
            }),
            kind: TrustDocumentKind::Statement,
            at,
            issued: (DateTime::UNIX_EPOCH, TrustDocumentKind::Root),
        }),
        as_of: Some(TimedHeartbeat { heartbeat, asked: boot_time() }),
        ..OrganizationTrust::default()
    }
}

fn decide(trust: &OrganizationTrust, context: DecisionContext) -> Result<(), DecisionError> {
    decide_signers(trust, &Signers::default(), Packages::All, context).map(drop)
}

fn has_expired(decided: Result<(), DecisionError>) -> bool {
    matches!(
        decided,
        Err(DecisionError::SignedTrust(SignedTrustError::Expired {
            kind: TrustDocumentKind::Statement,
            ..
        }))
    )
}

#[test]
fn documents_expire_by_the_later_of_the_two_clocks() {
    let hours = |count| Some(Utc::now() + TimeDelta::hours(count));
    for (as_of, counts) in [(None, true), (hours(0), true), (hours(-9), true), (hours(2), false)] {
        let trust = trust(as_of);
        let decided = decide(&trust, DecisionContext::at(trust.now()));
        assert_eq!((decided.is_ok(), has_expired(decided)), (counts, !counts), "{as_of:?}");
    }
    // The local clock alone.
    let trust = trust(None);
    decide(&trust, DecisionContext::at(Utc::now() + TimeDelta::minutes(59))).unwrap();
    let late = DecisionContext::at(Utc::now() + TimeDelta::minutes(61));
    assert!(has_expired(decide(&trust, late)));
}

#[test]
fn documents_count_for_as_long_as_a_clock_may_be_ahead() {
    let trust = trust(None);
    let late = DecisionContext::at(Utc::now() + TimeDelta::minutes(62));
    assert!(has_expired(decide(&trust, late)));
    decide(&trust, late.with_allowance(ClockSkewAllowance::MAX)).unwrap();
    assert!(has_expired(decide(&trust, late.with_allowance("60".parse().unwrap()))));
}

#[test]
fn nothing_is_decided_by_a_clock_that_is_more_than_a_day_behind_the_documents() {
    let issued_at = Utc::now();
    let mut trust = trust(None);
    trust.documents.as_mut().unwrap().issued = (issued_at, TrustDocumentKind::Root);
    for (behind, counts) in
        [(TimeDelta::hours(-1), true), (TimeDelta::days(1), true), (TimeDelta::hours(25), false)]
    {
        let decided = decide(&trust, DecisionContext::at(issued_at - behind));
        let is_behind = matches!(
            decided,
            Err(DecisionError::SignedTrust(SignedTrustError::IssuedLater { .. }))
        );
        assert_eq!((decided.is_ok(), is_behind), (counts, !counts), "{behind}: {decided:?}");
    }
}
