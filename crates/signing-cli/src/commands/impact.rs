//! What organizations would accept, and what not, after a change that has not been made.

use serde::Serialize;
use signing_crypto::{
    Fingerprint, KeyName, OrgId, OrgName, PackageDigest, PackageName, SignatureId,
};
use signing_trust::{AffectedSignatures, OrganizationKeys, SearchExtent, TrustImpact};

use crate::lines::{Cell, Lines, ShortIds, Table, comma_separated};
use crate::view::{TrustedKeyView, View};

/// What a change of trust would bring about.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ImpactView<'a> {
    dry_run: bool,
    accepted: Vec<KeysView<'a>>,
    accepted_otherwise: Vec<KeysView<'a>>,
    refused: Vec<KeysView<'a>>,
    /// The keys of the store that could no longer sign.
    signing_keys: Vec<KeyName>,
    #[serde(flatten)]
    signatures: SignaturesImpactView<'a>,
    /// The change, such as `deleting acme`.
    #[serde(skip)]
    what: String,
    #[serde(skip)]
    is_about: About,
    /// The key that the change is about, where it names one otherwise.
    #[serde(skip)]
    key: Option<Fingerprint>,
}

/// What a change is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Keys,
    /// No key is accepted more or less.
    Packages,
    /// A key that can no longer sign. What it has signed stays accepted.
    Signing,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct KeysView<'a> {
    org_id: OrgId,
    org: &'a OrgName,
    keys: Vec<TrustedKeyView<'a>>,
}

impl<'a> ImpactView<'a> {
    pub(super) fn of(what: String, is_about: About, impact: &'a TrustImpact) -> Self {
        let keys = |list: &'a [OrganizationKeys]| list.iter().map(KeysView::of).collect();
        Self {
            dry_run: true,
            accepted: keys(&impact.accepted),
            accepted_otherwise: keys(&impact.accepted_otherwise),
            refused: keys(&impact.refused),
            signing_keys: Vec::new(),
            signatures: SignaturesImpactView::of(impact),
            what,
            is_about,
            key: None,
        }
    }

    pub(super) fn without_signing_keys(self, signing_keys: Vec<KeyName>) -> Self {
        Self { signing_keys, ..self }
    }

    pub(super) fn with_key(self, key: Fingerprint) -> Self {
        Self { key: Some(key), ..self }
    }

    /// What somebody agrees to, if the change cannot be undone.
    pub(super) fn preview(&self) -> Lines {
        self.below(format!("{} cannot be undone, and would have this effect:", self.what))
    }

    fn below(&self, heading: String) -> Lines {
        let mut text = Lines::from(heading);
        text.extend(self.key.map(|key| format!("  fingerprint  {key}")));
        if self.is_about == About::Signing {
            text.push("  it could no longer sign; its existing signatures would stay accepted");
            return text;
        }
        text.append(self.keys_text());
        if !self.signing_keys.is_empty() {
            text.push(format!(
                "  these keys could no longer sign: {}",
                comma_separated(&self.signing_keys)
            ));
        }
        text.append(self.signatures.text());
        text
    }

    fn keys_text(&self) -> Lines {
        let lists = [
            (&self.accepted, "would accept these keys, which it does not accept now:"),
            (&self.accepted_otherwise, "would accept these keys in another way than now:"),
            (&self.refused, "would no longer accept these keys:"),
        ];
        let mut text = Lines::new();
        if self.is_about == About::Keys && lists.iter().all(|(list, _)| list.is_empty()) {
            text.push("  no organization would accept other keys than now");
        }
        let keys = || lists.iter().flat_map(|(list, _)| *list).flat_map(|view| &view.keys);
        let names = keys().filter_map(|key| key.name);
        let ids = ShortIds::new(keys().map(|key| key.fingerprint), names);
        for (list, heading) in lists {
            for KeysView { org, keys, .. } in list {
                text.push(format!("  {org} {heading}"));
                let mut table = Table::new(["NAME", "KEY", "TRUST", "UNTIL", "PACKAGES"]);
                for key in keys {
                    table.row([
                        Cell::or_dash(key.name),
                        ids.cell(key.fingerprint),
                        key.via.text().into(),
                        key.limits.until_text().into(),
                        key.limits.packages_text().into(),
                    ]);
                }
                text.table(table.indented().indented());
            }
        }
        text
    }
}

impl View for ImpactView<'_> {
    fn text(&self) -> Lines {
        self.below(format!("nothing was changed; {} would have this effect:", self.what))
    }
}

impl<'a> KeysView<'a> {
    fn of(keys: &'a OrganizationKeys) -> Self {
        Self {
            org_id: keys.org.id,
            org: &keys.org.name,
            keys: keys.keys.iter().map(TrustedKeyView::of).collect(),
        }
    }
}

/// What would become of stored signatures.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct SignaturesImpactView<'a> {
    gains: Vec<SignaturesView<'a>>,
    losses: Vec<SignaturesView<'a>>,
    /// Whether all signatures in the store were looked at, or only those until a time limit.
    searched_all: bool,
}

/// What is said if not all were.
pub(super) const NOT_ALL_SEARCHED: &str =
    "only some of the stored signatures were examined: there are too many";

/// Stored signatures that an organization would accept, or would no longer accept.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SignaturesView<'a> {
    org_id: OrgId,
    org: &'a OrgName,
    signatures: Vec<SignatureView<'a>>,
    /// Those that it has no other signature for: then, or now.
    packages: Vec<PackageView<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SignatureView<'a> {
    id: SignatureId,
    #[serde(flatten)]
    package: PackageView<'a>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PackageView<'a> {
    sha256: PackageDigest,
    name: &'a PackageName,
}

impl<'a> SignaturesImpactView<'a> {
    pub(super) fn of(impact: &'a TrustImpact) -> Self {
        Self {
            gains: impact.gains.iter().map(SignaturesView::of).collect(),
            losses: impact.losses.iter().map(SignaturesView::of).collect(),
            searched_all: impact.extent == SearchExtent::All,
        }
    }

    pub(super) fn text(&self) -> Lines {
        let Self { gains, losses, searched_all } = self;
        let signatures = || gains.iter().chain(losses).flat_map(|view| &view.signatures);
        let digests = signatures().map(|signature| signature.package.sha256.to_string());
        let ids = digests.chain(signatures().map(|signature| signature.id.to_string()));
        let ids = ShortIds::new(ids, [""; 0]);
        let mut text = Lines::new();
        for gain in gains {
            text.append(gain.table(
                "would accept these stored signatures, which it does not accept now:",
                "has no other signature for:",
                &ids,
            ));
        }
        for loss in losses {
            text.append(loss.table(
                "would no longer accept these stored signatures:",
                "would have no other signature for:",
                &ids,
            ));
        }
        text.push("  the store does not know the .sig files beside packages");
        if !searched_all {
            text.push(format!("  {NOT_ALL_SEARCHED}"));
        }
        text
    }
}

impl<'a> SignaturesView<'a> {
    fn of(affected: &'a AffectedSignatures) -> Self {
        let signatures = affected.signatures.iter().map(|signature| SignatureView {
            id: signature.id,
            package: PackageView { sha256: signature.digest, name: &signature.name },
        });
        let packages =
            affected.packages.iter().map(|(digest, name)| PackageView { sha256: *digest, name });
        Self {
            org_id: affected.org.id,
            org: &affected.org.name,
            signatures: signatures.collect(),
            packages: packages.collect(),
        }
    }

    fn table(&self, signatures: &str, packages: &str, ids: &ShortIds) -> Lines {
        let mut text = Lines::from(format!("  {} {signatures}", self.org));
        let mut table = Table::new(["PACKAGE", "SHA256", "SIGNATURE"]).indented();
        for SignatureView { id, package } in &self.signatures {
            let name = Cell::name(package.name.as_str());
            table.row([name, ids.cell(package.sha256), ids.cell(id)]);
        }
        text.table(table.indented());
        if !self.packages.is_empty() {
            text.push(format!("  {} {packages}", self.org));
        }
        let mut table = Table::new(["PACKAGE", "SHA256"]).indented();
        for package in &self.packages {
            table.row([Cell::name(package.name.as_str()), ids.cell(package.sha256)]);
        }
        text.table(table.indented());
        text
    }
}
