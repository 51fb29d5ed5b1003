use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use signing_crypto::{
    CheckpointError, EntryHash, MalformedCheckpoint, OrgId, OrgName, SignedCheckpoint,
    VerifiedCheckpoint, VerifyingKey,
};
use signing_trust::store::{IntactLog, OrganizationRef};
use signing_trust::{TrustError, TrustReader};

use crate::cli::{OrgReference, VerifyLogs};
use crate::commands::role_denied;
use crate::context::Context;
use crate::error::{CliError, Outcome};
use crate::lines::Lines;
use crate::output::{ErrorView, Report};
use crate::select::{self, organization};
use crate::view::{View, json_documents};
use crate::{files, key_files};

/// Room for some 20,000 checkpoints.
const MAX_CHECKPOINTS_SIZE: usize = 16 * 1024 * 1024;

type Checkpoints = BTreeMap<OrgId, Vec<VerifiedCheckpoint>>;

/// Reads the checkpoints before any log. One of the trusted keys must have signed each.
pub(super) async fn read_checkpoints(
    context: &Context,
    verify: &VerifyLogs,
) -> Result<Checkpoints, CliError> {
    let keys: Result<Vec<_>, _> =
        verify.trust_key.iter().map(|path| key_files::read_public_key(path)).collect();
    let mut keys = keys?;
    if !verify.key_id.is_empty() {
        let store = context.open_to_read_with_kek().await?;
        for named in &verify.key_id {
            let id = select::signing_key(context, &store, verify.org.as_ref(), named).await?;
            keys.push(store.proven_key(id).await?.verifying_key());
        }
    }
    let mut checkpoints = Checkpoints::new();
    // The command line takes neither keys nor checkpoints without the other.
    let Some((key, others)) = keys.split_first() else { return Ok(checkpoints) };
    for path in &verify.checkpoint {
        for checkpoint in read_file(path, key, others)? {
            checkpoints.entry(checkpoint.checkpoint().org).or_default().push(checkpoint);
        }
    }
    Ok(checkpoints)
}

/// Verifies the log of `org`, or all logs that exist or have a checkpoint.
pub(super) async fn verify(
    context: &Context,
    org: Option<&OrgReference>,
    mut checkpoints: Checkpoints,
) -> Result<Report, CliError> {
    let keys = context.open_to_read().await?;
    let mut verdicts = Verdicts::default();
    if let Some(org) = org {
        let org = organization(&keys, org).await?.id;
        // A file may hold the checkpoints of other logs too, but not only those.
        let its_own = checkpoints.remove(&org);
        let checkpoints = its_own.or_else(|| checkpoints.pop_first().map(|(_, others)| others));
        verdicts.add(context, &keys, org, &checkpoints.unwrap_or_default()).await;
        return Ok(verdicts.report());
    }
    let mut last = None;
    loop {
        let org = match keys.store().next_audited_organization(last).await {
            Ok(Some(org)) => org,
            Ok(None) => break,
            Err(error) if verdicts.logs.is_empty() => return Err(error.into()),
            Err(error) => {
                // The verdicts so far are reported all the same.
                let error = role_denied::of_role(context, error.into()).await;
                verdicts.refusals.push(("the other logs".into(), error));
                return Ok(verdicts.report());
            }
        };
        let its_own = checkpoints.remove(&org).unwrap_or_default();
        verdicts.add(context, &keys, org, &its_own).await;
        last = Some(org);
    }
    for (org, its_own) in checkpoints {
        verdicts.add(context, &keys, org, &its_own).await;
    }
    match verdicts.logs.is_empty() {
        true => Err(CliError::NoAuditLog),
        false => Ok(verdicts.report()),
    }
}

/// Reads what may be a file of checkpoints.
pub(super) fn read_bounded(path: &Path) -> Result<Vec<u8>, CliError> {
    let limit = MAX_CHECKPOINTS_SIZE;
    let bytes = files::read_at_most(path, limit as u64 + 1)?;
    match bytes.len() > limit {
        true => Err(CliError::CheckpointsTooLarge { path: path.into(), limit }),
        false => Ok(bytes),
    }
}

fn read_file(
    path: &Path,
    key: &VerifyingKey,
    others: &[VerifyingKey],
) -> Result<Vec<VerifiedCheckpoint>, CliError> {
    let bytes = read_bounded(path)?;
    let lines = bytes.split(|&byte| byte == b'\n').zip(1..);
    let checkpoints: Result<Vec<_>, CliError> = lines
        .filter(|(line, _)| !line.trim_ascii().is_empty())
        .map(|(text, line)| {
            read_line(text, key, others).map_err(|source| CliError::Checkpoint {
                path: path.into(),
                line,
                source,
            })
        })
        .collect();
    match checkpoints? {
        none if none.is_empty() => Err(CliError::NoCheckpoint { path: path.into() }),
        checkpoints => Ok(checkpoints),
    }
}

/// The checkpoint in a line, if one of the keys signed it.
fn read_line(
    line: &[u8],
    key: &VerifyingKey,
    others: &[VerifyingKey],
) -> Result<VerifiedCheckpoint, CheckpointError> {
    let signed = SignedCheckpoint::parse(line).map_err(MalformedCheckpoint::from)?;
    let mut verified = signed.verify(key);
    for key in others {
        if let Err(CheckpointError::Signature(_)) = verified {
            verified = signed.verify(key);
        }
    }
    verified
}

/// The verdict on each log.
#[derive(Default)]
struct Verdicts {
    logs: Vec<LogView>,
    refusals: Vec<(String, CliError)>,
}

json_documents! { "audit verify": Vec<LogView> }

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct LogView {
    org_id: OrgId,
    org: Option<OrgName>,
    checkpoints: usize,
    #[serde(flatten)]
    verdict: VerdictView,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "verdict", rename_all = "snake_case")]
enum VerdictView {
    Intact {
        entries: i64,
        entry_hash: EntryHash,
    },
    Broken {
        #[serde(skip_serializing_if = "Option::is_none")]
        fault: Option<FaultView>,
        #[serde(flatten)]
        error: ErrorView,
    },
    Undecided {
        #[serde(flatten)]
        error: ErrorView,
    },
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct FaultView {
    sequence: i64,
    kind: &'static str,
    expected: String,
    found: String,
}

impl Verdicts {
    async fn add(
        &mut self,
        context: &Context,
        keys: &TrustReader,
        org_id: OrgId,
        checkpoints: &[VerifiedCheckpoint],
    ) {
        let org =
            keys.store().organization(OrganizationRef::Id(org_id)).await.ok().map(|org| org.name);
        let verdict = match keys.verify_audit_log(org_id, checkpoints).await {
            Ok(IntactLog { entries, entry_hash, .. }) => {
                VerdictView::Intact { entries, entry_hash }
            }
            Err(error) => {
                let fault = match &error {
                    TrustError::AuditLogBroken(fault) => Some(FaultView {
                        sequence: fault.sequence,
                        kind: fault.kind.as_str(),
                        expected: fault.expected.to_string(),
                        found: fault.found.to_string(),
                    }),
                    _ => None,
                };
                let error = role_denied::of_role(context, error.into()).await;
                let view = ErrorView::of(&error);
                let is_refused = error.outcome() == Outcome::Refused;
                self.refusals.push((subject(org.as_ref(), org_id), error));
                match is_refused {
                    true => VerdictView::Broken { fault, error: view },
                    false => VerdictView::Undecided { error: view },
                }
            }
        };
        self.logs.push(LogView { org_id, org, checkpoints: checkpoints.len(), verdict });
    }

    fn report(self) -> Report {
        let mut report = Report::done(&self.logs);
        for (org, error) in self.refusals {
            report.refuse(org, error);
        }
        report
    }
}

fn subject(org: Option<&OrgName>, id: OrgId) -> String {
    match org {
        Some(name) => format!("{name} ({id})"),
        None => id.to_string(),
    }
}

/// Broken logs are shown as errors.
impl View for LogView {
    fn text(&self) -> Lines {
        let mut text = Lines::new();
        if let VerdictView::Intact { entries, entry_hash } = &self.verdict {
            text.good("ok", subject(self.org.as_ref(), self.org_id));
            text.push(format!("  entries      {entries}"));
            text.push(format!("  sha256       {entry_hash}"));
            text.push(match self.checkpoints {
                0 => "  checkpoints  none: without one, a log that was rewritten completely looks \
                      the same"
                    .to_owned(),
                count => format!("  checkpoints  {count}"),
            });
        }
        text
    }
}
