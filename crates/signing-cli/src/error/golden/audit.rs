use signing_crypto::{CheckpointError, EnvelopeError, MalformedCheckpoint};
use signing_trust::TrustError;
use signing_trust::store::{AuditFault, AuditFaultKind, AuditValue};

use super::{Sample, each, sample, values};
use crate::error::CliError;

pub(super) fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    samples.extend(kinds().map(|kind| {
        sample(kind, |kind| broken(kind, AuditValue::Sequence(7), AuditValue::Nothing))
    }));
    samples.extend(found().map(|found| {
        sample(found, |found| broken(AuditFaultKind::Edited, AuditValue::Readable, found))
    }));
    let edited = fault(AuditFaultKind::Edited, AuditValue::Readable, AuditValue::Unreadable);
    samples.push(sample(TrustError::AuditLogBroken(edited), CliError::from));
    samples.extend(each(trust(), CliError::from));
    samples.extend(each(checkpoint(), refused));
    samples.extend(each(malformed(), |error| refused(error.into())));
    samples.extend(each(program(), |error| error));
    samples
}

fn fault(kind: AuditFaultKind, expected: AuditValue, found: AuditValue) -> AuditFault {
    AuditFault { org: values::org_id(), sequence: 7, kind, expected, found }
}

fn broken(kind: AuditFaultKind, expected: AuditValue, found: AuditValue) -> CliError {
    TrustError::from(fault(kind, expected, found)).into()
}

fn kinds() -> [AuditFaultKind; 10] {
    [
        AuditFaultKind::Missing,
        AuditFaultKind::Inserted,
        AuditFaultKind::Edited,
        AuditFaultKind::Unlinked,
        AuditFaultKind::Unreadable,
        AuditFaultKind::HeadMissing,
        AuditFaultKind::HeadDiffers,
        AuditFaultKind::BeyondHead,
        AuditFaultKind::CutOff,
        AuditFaultKind::CheckpointDiffers,
    ]
}

fn found() -> [AuditValue; 5] {
    [
        AuditValue::Nothing,
        AuditValue::Sequence(8),
        AuditValue::Hash(vec![0xef; 32]),
        AuditValue::Readable,
        AuditValue::Unreadable,
    ]
}

fn trust() -> [TrustError; 2] {
    [
        TrustError::CheckpointOfAnotherStore {
            expected: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
            found: "66666666-7777-4888-9999-aaaaaaaaaaaa".parse().unwrap(),
        },
        TrustError::CheckpointOfAnotherOrganization {
            expected: values::org_id(),
            found: "99999999-8888-4777-8666-555555555555".parse().unwrap(),
        },
    ]
}

fn refused(source: CheckpointError) -> CliError {
    CliError::Checkpoint { path: "checkpoints".into(), line: 3, source }
}

fn checkpoint() -> [CheckpointError; 2] {
    let fingerprint = values::fingerprint();
    [
        CheckpointError::Signature(EnvelopeError::NotSignedBy { fingerprint }),
        MalformedCheckpoint::from(values::malformed_statement()).into(),
    ]
}

fn malformed() -> [MalformedCheckpoint; 3] {
    [
        MalformedCheckpoint::Envelope(values::malformed_envelope()),
        values::malformed_statement().into(),
        MalformedCheckpoint::Field { field: "epoch" },
    ]
}

fn program() -> Vec<CliError> {
    let path = || "checkpoints".into();
    vec![
        CliError::NoCheckpoint { path: path() },
        CliError::NoAuditLog,
        CliError::CheckpointNotReplaced {
            path: path(),
            org: values::org_id(),
            name: "acme".parse().unwrap(),
        },
        CliError::CheckpointsTooLarge { path: path(), limit: 1 << 20 },
        refused(MalformedCheckpoint::from(values::malformed_statement()).into()),
    ]
}
