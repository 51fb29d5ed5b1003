use serde_json::{Value, json};
use signing_trust::store::{Revocation, RevocationReason};
use signing_trust::{KeyManager, OrganizationLoss, RevocationImpact};

use crate::error::CliError;
use crate::output::{Lines, Report};
use crate::select::Selected;

/// Says what a revocation would end, and changes nothing.
pub(super) async fn foresee(
    keys: &KeyManager,
    key: Selected,
    revocation: &Revocation,
) -> Result<Report, CliError> {
    let reason = revocation.reason;
    let (kind, id, fingerprint, impact) = match key {
        Selected::Signing(key) => {
            let impact = keys.signing_key_impact(key.id, reason).await?;
            ("signing", key.id.to_string(), key.fingerprint, impact)
        }
        Selected::Trusted(key) => {
            let impact = keys.trusted_key_impact(key.id).await?;
            ("trusted", key.id.to_string(), key.fingerprint, impact)
        }
    };
    let mut text = Lines::from(format!(
        "nothing was changed; to revoke the {kind} key as {reason} would mean:"
    ));
    if let ("signing", RevocationReason::Retired) = (kind, reason) {
        text.push("  it signs no more; what it has signed stays as good as it is");
    } else {
        describe(&impact, &mut text);
    }
    let json = json!({
        "dry_run": true,
        "kind": kind,
        "id": id,
        "fingerprint": fingerprint.to_string(),
        "reason": reason.as_str(),
        "refusing": impact.refusing.iter().map(|org| org.name.as_str()).collect::<Vec<_>>(),
        "losses": impact.losses.iter().map(loss_json).collect::<Vec<_>>(),
    });
    Ok(Report::new(text, json))
}

fn describe(impact: &RevocationImpact, text: &mut Lines) {
    for org in &impact.refusing {
        text.push(format!("  {} refuses whatever the key has signed", org.name));
    }
    if impact.refusing.is_empty() {
        text.push("  no organisation accepts the key less than it does");
    }
    for loss in &impact.losses {
        text.push(format!(
            "  {} accepts {} kept signatures no more",
            loss.org.name,
            loss.signatures.len(),
        ));
        for (digest, name) in &loss.packages {
            text.push(format!("    without any other: {digest}  {name}"));
        }
    }
    text.push("  of .sig files beside packages the store knows nothing");
}

fn loss_json(loss: &OrganizationLoss) -> Value {
    let packages = loss
        .packages
        .iter()
        .map(|(digest, name)| json!({ "sha256": digest.to_string(), "name": name.as_str() }));
    json!({
        "org_id": loss.org.id.to_string(),
        "org": loss.org.name.as_str(),
        "signatures": loss.signatures.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "packages": packages.collect::<Vec<_>>(),
    })
}
