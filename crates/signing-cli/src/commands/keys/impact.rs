use serde_json::{Value, json};
use signing_crypto::{Fingerprint, PackageDigest, PackageName};
use signing_trust::store::{OrganizationRecord, Revocation, RevocationReason};
use signing_trust::{KeyManager, LostSignature, OrganizationLoss, RevocationImpact};

use crate::error::CliError;
use crate::output::{Lines, Report};
use crate::select::Selected;

/// Says what a revocation would end, and changes nothing.
pub(super) async fn foresee_revocation(
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
    let what = format!("to revoke the {kind} key as {reason}");
    let text = match (kind, reason) {
        ("signing", RevocationReason::Retired) => {
            let mut text = heading(&what);
            text.push("  it signs no more; what it has signed stays as good as it is");
            text
        }
        _ => describe(&what, &impact),
    };
    let mut json = impact_json(&fingerprint, &impact);
    json["kind"] = kind.into();
    json["id"] = id.into();
    json["reason"] = reason.as_str().into();
    Ok(Report::shown(text, json))
}

/// Says what a denial would end, and changes nothing.
pub(super) async fn foresee_denial(
    keys: &KeyManager,
    org: &OrganizationRecord,
    fingerprint: &Fingerprint,
    everywhere: bool,
) -> Result<Report, CliError> {
    let (what, impact) = match everywhere {
        true => (
            format!("to declare {fingerprint} compromised for every organization"),
            keys.compromise_impact(org.id, fingerprint).await?,
        ),
        false => (
            format!("to deny {fingerprint} for {}", org.name),
            keys.denial_impact(org.id, fingerprint).await?,
        ),
    };
    let mut json = impact_json(fingerprint, &impact);
    json["org_id"] = org.id.to_string().into();
    json["everywhere"] = everywhere.into();
    Ok(Report::shown(describe(&what, &impact), json))
}

fn heading(what: &str) -> Lines {
    Lines::from(format!("nothing was changed; {what} would mean:"))
}

fn describe(what: &str, impact: &RevocationImpact) -> Lines {
    let mut text = heading(what);
    for org in &impact.refusing {
        text.push(format!("  {} refuses whatever the key has signed", org.name));
    }
    if impact.refusing.is_empty() {
        text.push("  no organization accepts the key less than it does");
    }
    for loss in &impact.losses {
        let org = &loss.org.name;
        text.push(format!("  {org} accepts these kept signatures no more:"));
        for lost in &loss.signatures {
            text.push(format!("    {}  {}  {}", lost.id, lost.digest, lost.name));
        }
        if !loss.packages.is_empty() {
            text.push(format!("  {org} would have no other for:"));
        }
        for (digest, name) in &loss.packages {
            text.push(format!("    {digest}  {name}"));
        }
    }
    text.push("  of .sig files beside packages the store knows nothing");
    text
}

fn impact_json(fingerprint: &Fingerprint, impact: &RevocationImpact) -> Value {
    json!({
        "dry_run": true,
        "fingerprint": fingerprint.to_string(),
        "refusing": impact.refusing.iter().map(|org| org.name.as_str()).collect::<Vec<_>>(),
        "losses": impact.losses.iter().map(loss_json).collect::<Vec<_>>(),
    })
}

fn loss_json(loss: &OrganizationLoss) -> Value {
    let package = |(digest, name): &(_, _)| package_json(digest, name);
    let signature = |lost: &LostSignature| {
        let mut document = package_json(&lost.digest, &lost.name);
        document["id"] = lost.id.to_string().into();
        document
    };
    json!({
        "org_id": loss.org.id.to_string(),
        "org": loss.org.name.as_str(),
        "signatures": loss.signatures.iter().map(signature).collect::<Vec<_>>(),
        "packages": loss.packages.iter().map(package).collect::<Vec<_>>(),
    })
}

fn package_json(digest: &PackageDigest, name: &PackageName) -> Value {
    json!({ "sha256": digest.to_string(), "name": name.as_str() })
}
