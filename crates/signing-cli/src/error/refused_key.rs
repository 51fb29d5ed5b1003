use signing_crypto::{Fingerprint, KeyName, OrgName};

/// What the store knows about a key that is refused. The next step depends on it.
#[derive(Debug)]
pub(crate) enum RefusedKey {
    /// It is the organization's own signing key, and not trusted yet.
    TrustOwnKey { org: OrgName, fingerprint: Fingerprint, name: KeyName },
    /// The organization retired or denied it, and can take that back. Most often another key signs
    /// since.
    ReplaceRefused { org: OrgName, fingerprint: Fingerprint },
    /// The same, where it was to be trusted.
    Reinstate { org: OrgName, fingerprint: Fingerprint },
    /// Trust in it has expired, and the organization can still sign with it.
    RenewOwnKey { org: OrgName, fingerprint: Fingerprint },
    /// Trust in it has expired.
    Renew { org: OrgName },
    /// The organization revoked it as compromised, for good.
    ReplaceCompromised,
    /// The same, where it was to be trusted.
    TrustAnother { org: OrgName },
    /// No row refuses it, or none alone: the organization's signed documents do.
    RefusedByDocuments { org: OrgName },
    /// No row of the organization is about it.
    Unknown { org: OrgName },
    /// A row trusts it, and the organization's signed trust does not.
    NotSigned { org: OrgName },
}
