use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use signing_crypto::{
    CheckpointError, MalformedCheckpoint, OrgId, SignedCheckpoint, VerifiedCheckpoint, VerifyingKey,
};
use signing_trust::store::{IntactLog, OrganizationRef};
use signing_trust::{KeyManager, TrustError};

use crate::cli::Verify;
use crate::context::{Context, organization};
use crate::error::{CliError, Outcome};
use crate::files;
use crate::key_files;
use crate::output::{Lines, Report, error_json};

/// Room for some 20,000 checkpoints.
const MAX_CHECKPOINTS_SIZE: usize = 16 * 1024 * 1024;

type Checkpoints = BTreeMap<OrgId, Vec<VerifiedCheckpoint>>;

/// Reads the checkpoints, all of which must be signed by one of the trusted keys,
/// before anything else is asked.
pub(super) async fn read_checkpoints(
    context: &Context,
    verify: &Verify,
) -> Result<Checkpoints, CliError> {
    let keys: Result<Vec<_>, _> =
        verify.trust_key.iter().map(|path| key_files::read_public_key(path)).collect();
    let mut keys = keys?;
    if !verify.key_id.is_empty() {
        let store = context.keys_with_kek().await?;
        for id in &verify.key_id {
            keys.push(store.proven_key(id.parse()?).await?.verifying_key());
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

/// Verifies the log of `org`, or all there are and all that there should be.
pub(super) async fn verify(
    context: &Context,
    org: Option<&str>,
    mut checkpoints: Checkpoints,
) -> Result<Report, CliError> {
    let keys = context.keys().await?;
    let mut verdicts = Verdicts::default();
    if let Some(org) = org {
        let org = organization(&keys, org).await?.id;
        // Those of others were signed with it; but one that is only theirs is a mistake.
        let its_own = checkpoints.remove(&org);
        let checkpoints = its_own.or_else(|| checkpoints.pop_first().map(|(_, others)| others));
        verdicts.add(&keys, org, &checkpoints.unwrap_or_default()).await;
        return Ok(verdicts.report());
    }
    let mut last = None;
    loop {
        let org = match keys.store().next_audited_organization(last).await {
            Ok(Some(org)) => org,
            Ok(None) => break,
            Err(error) => {
                // What was found so far is said all the same.
                verdicts.refusals.push(("the other logs".into(), error.into()));
                return Ok(verdicts.report());
            }
        };
        let its_own = checkpoints.remove(&org).unwrap_or_default();
        verdicts.add(&keys, org, &its_own).await;
        last = Some(org);
    }
    for (org, its_own) in checkpoints {
        verdicts.add(&keys, org, &its_own).await;
    }
    Ok(verdicts.report())
}

fn read_file(
    path: &Path,
    key: &VerifyingKey,
    others: &[VerifyingKey],
) -> Result<Vec<VerifiedCheckpoint>, CliError> {
    let limit = MAX_CHECKPOINTS_SIZE;
    let bytes = files::read_at_most(path, limit as u64 + 1)?;
    if bytes.len() > limit {
        return Err(CliError::CheckpointsTooLarge { path: path.into(), limit });
    }
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

/// What one of the keys signed, if that is a checkpoint.
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

/// What came of each log.
#[derive(Default)]
struct Verdicts {
    text: Lines,
    documents: Vec<Value>,
    refusals: Vec<(String, CliError)>,
}

impl Verdicts {
    async fn add(&mut self, keys: &KeyManager, org: OrgId, checkpoints: &[VerifiedCheckpoint]) {
        let name = keys.organization(OrganizationRef::Id(org)).await.ok().map(|org| org.name);
        let shown = match &name {
            Some(name) => format!("{name} ({org})"),
            None => org.to_string(),
        };
        let mut document = json!({
            "org_id": org.to_string(),
            "org": name.as_ref().map(signing_crypto::OrgName::as_str),
            "checkpoints": checkpoints.len(),
        });
        match keys.verify_audit_log(org, checkpoints).await {
            Ok(IntactLog { entries, entry_hash, .. }) => {
                self.text.good("ok", shown);
                self.text.push(format!("  entries      {entries}"));
                self.text.push(format!("  sha256       {entry_hash}"));
                self.text.push(match checkpoints.len() {
                    0 => "  checkpoints  none: a log that was rewritten whole would look the same"
                        .to_owned(),
                    count => format!("  checkpoints  {count}"),
                });
                document["verdict"] = "intact".into();
                document["entries"] = entries.into();
                document["entry_hash"] = entry_hash.to_string().into();
            }
            Err(error) => {
                if let TrustError::AuditLogBroken(fault) = &error {
                    document["fault"] = json!({
                        "sequence": fault.sequence,
                        "kind": fault.kind.as_str(),
                        "expected": fault.expected.to_string(),
                        "found": fault.found.to_string(),
                    });
                }
                let error = CliError::from(error);
                let is_refused = error.outcome() == Outcome::Refused;
                document["verdict"] = if is_refused { "broken" } else { "undecided" }.into();
                if let (Value::Object(document), Value::Object(said)) =
                    (&mut document, error_json(&error))
                {
                    document.extend(said);
                }
                self.refusals.push((shown, error));
            }
        }
        self.documents.push(document);
    }

    fn report(self) -> Report {
        let mut report = Report::told(self.text, Value::Array(self.documents));
        for (org, error) in self.refusals {
            report.refuse(org, error);
        }
        report
    }
}
