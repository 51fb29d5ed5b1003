use chrono::{DateTime, Utc};
use signing_crypto::{
    EntryHash, Fingerprint, KekId, Note, OrgId, PackageDigest, PackageName, PackagePatterns,
    PackageVersion, SignatureId, rfc3339,
};

/// The `tracing` target of every audit event.
pub const AUDIT_TARGET: &str = "cloacina::audit";

macro_rules! event_types {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $level:ident;)*) => {
        /// What happened, as the field `event_type` says it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum EventType {
            $($(#[$doc])* $variant),*
        }

        impl EventType {
            /// Every type of event.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in the field `event_type`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The level that it is told at.
            pub fn level(self) -> tracing::Level {
                match self { $(Self::$variant => tracing::Level::$level),* }
            }
        }
    };
}

event_types! {
    /// An organization was created.
    OrganizationCreated = "organization.created", INFO;
    /// An organization was deleted.
    OrganizationDeleted = "organization.deleted", WARN;
    /// A signing key was made or imported.
    SigningKeyCreated = "key.signing.created", INFO;
    /// A signing key was revoked.
    SigningKeyRevoked = "key.signing.revoked", WARN;
    /// A public key was exported.
    KeyExported = "key.exported", INFO;
    /// A key became trusted.
    TrustedKeyAdded = "key.trusted.added", INFO;
    /// A trusted key was revoked.
    TrustedKeyRevoked = "key.trusted.revoked", WARN;
    /// A retired signing key may sign again.
    SigningKeyReinstated = "key.signing.reinstated", WARN;
    /// A revocation or denial was taken back.
    TrustedKeyReinstated = "key.trusted.reinstated", WARN;
    /// A fingerprint was denied.
    KeyDenied = "key.denied", WARN;
    /// A fingerprint was declared compromised, for every organization.
    KeyCompromised = "key.compromised", WARN;
    /// An organization's private keys were wrapped anew, with another KEK.
    KekRotated = "kek.rotated", INFO;
    /// The lowest version of a package that is accepted was set, or taken away.
    FloorSet = "package.floor.set", INFO;
    /// Trust was granted to another organization.
    GrantCreated = "trust.grant.created", INFO;
    /// A grant was revoked.
    GrantRevoked = "trust.grant.revoked", WARN;
    /// A package was signed.
    PackageSigned = "package.signed", INFO;
    /// A signature was put into the store.
    SignatureStored = "package.signature.stored", INFO;
    /// A kept signature was removed from the store.
    SignatureRemoved = "package.signature.removed", WARN;
    /// A package was verified.
    VerificationSuccess = "verification.success", INFO;
    /// A package was refused.
    VerificationFailure = "verification.failure", WARN;
    /// A package was verified by a signature that expires soon.
    SignatureExpiring = "signature.expiring", WARN;
    /// A package was verified by trust that expires soon, in a key or in those who trust it.
    TrustExpiring = "trust.expiring", WARN;
    /// A verified package was loaded.
    LoadSuccess = "package.load.success", INFO;
    /// A package is about to be loaded without verification.
    LoadUnsigned = "package.load.unsigned", WARN;
    /// A package was not loaded.
    LoadFailure = "package.load.failure", WARN;
    /// A checkpoint of an audit log was signed.
    CheckpointSigned = "audit.checkpoint.signed", INFO;
    /// An audit log was found to be broken.
    AuditLogBroken = "audit.log.broken", WARN;
}

/// An audit event on its way to `tracing`.
///
/// Fields that do not apply are absent. None of them is ever secret.
#[derive(Clone, Debug)]
#[must_use = "an event that is not emitted is not heard"]
pub struct AuditEvent {
    event_type: EventType,
    org: Option<OrgId>,
    other_org: Option<OrgId>,
    key_id: Option<String>,
    fingerprint: Option<Fingerprint>,
    package: Option<PackageName>,
    digest: Option<PackageDigest>,
    signature: Option<SignatureId>,
    log_entry: Option<(u64, EntryHash)>,
    reason: Option<&'static str>,
    note: Option<Note>,
    packages: Option<PackagePatterns>,
    expires_at: Option<DateTime<Utc>>,
    floor: Option<PackageVersion>,
    keks: Option<(KekId, KekId)>,
    keys: Option<u64>,
    failure: Option<String>,
}

impl AuditEvent {
    /// An event of a type, without fields.
    pub fn new(event_type: EventType) -> Self {
        Self {
            event_type,
            org: None,
            other_org: None,
            key_id: None,
            fingerprint: None,
            package: None,
            digest: None,
            signature: None,
            log_entry: None,
            reason: None,
            note: None,
            packages: None,
            expires_at: None,
            floor: None,
            keks: None,
            keys: None,
            failure: None,
        }
    }

    /// The field `org_id`: who acted, or for whom it was done.
    pub fn org(mut self, org: impl Into<Option<OrgId>>) -> Self {
        self.org = org.into();
        self
    }

    /// The field `child_org_id`: the other side of a grant.
    pub fn child_org(mut self, org: OrgId) -> Self {
        self.other_org = Some(org);
        self
    }

    /// The field `key_id`: the signing or trusted key's id.
    pub fn key_id(mut self, id: impl ToString) -> Self {
        self.key_id = Some(id.to_string());
        self
    }

    /// The field `key_fingerprint`.
    pub fn fingerprint(mut self, fingerprint: impl Into<Option<Fingerprint>>) -> Self {
        self.fingerprint = fingerprint.into();
        self
    }

    /// The field `package_name`.
    pub fn package(mut self, name: &PackageName) -> Self {
        self.package = Some(name.clone());
        self
    }

    /// The field `package_hash`: SHA-256 in hexadecimal.
    pub fn digest(mut self, digest: impl Into<Option<PackageDigest>>) -> Self {
        self.digest = digest.into();
        self
    }

    /// The field `signature_id`: the id of a kept signature.
    pub fn signature(mut self, id: SignatureId) -> Self {
        self.signature = Some(id);
        self
    }

    /// The fields `log_sequence` and `log_hash`: an audit log's last entry.
    pub fn log_entry(mut self, sequence: u64, hash: EntryHash) -> Self {
        self.log_entry = Some((sequence, hash));
        self
    }

    /// The fields `reason`, `retired` or `compromised`, and `note`.
    #[cfg(feature = "store")]
    pub fn revocation(mut self, revocation: &signing_store::Revocation) -> Self {
        self.reason = Some(revocation.reason.as_str());
        self.note.clone_from(&revocation.note);
        self
    }

    /// The field `note`: what somebody says about a change.
    pub fn note(mut self, note: Note) -> Self {
        self.note = Some(note);
        self
    }

    /// The field `packages`: what a grant is limited to, as a JSON array.
    pub fn packages(mut self, packages: Option<PackagePatterns>) -> Self {
        self.packages = packages;
        self
    }

    /// The field `expires_at`: RFC 3339.
    pub fn expires_at(mut self, expires_at: Option<DateTime<Utc>>) -> Self {
        self.expires_at = expires_at;
        self
    }

    /// The field `floor`: the lowest version that is accepted.
    pub fn floor(mut self, floor: Option<PackageVersion>) -> Self {
        self.floor = floor;
        self
    }

    /// The fields `old_kek_id` and `new_kek_id`, and `keys`: how many were wrapped anew.
    pub fn kek_rotation(mut self, old: KekId, new: KekId, keys: u64) -> Self {
        self.keks = Some((old, new));
        self.keys = Some(keys);
        self
    }

    /// The field `failure_reason`: an error with its sources.
    pub fn failure(mut self, error: &dyn std::error::Error) -> Self {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            reason.push_str(": ");
            reason.push_str(&error.to_string());
            source = error.source();
        }
        self.failure = Some(reason);
        self
    }

    /// Hands the event to `tracing`.
    pub fn emit(self) {
        macro_rules! emit_at {
            ($level:ident) => {
                // What somebody chose is recorded as text, which every subscriber quotes:
                // a file's name cannot end its field and begin another.
                tracing::event!(
                    target: AUDIT_TARGET,
                    tracing::Level::$level,
                    event_type = self.event_type.as_str(),
                    org_id = self.org.map(tracing::field::display),
                    child_org_id = self.other_org.map(tracing::field::display),
                    key_id = self.key_id,
                    key_fingerprint = self.fingerprint.map(tracing::field::display),
                    package_name = self.package.as_ref().map(PackageName::as_str),
                    package_hash = self.digest.map(tracing::field::display),
                    signature_id = self.signature.map(tracing::field::display),
                    log_sequence = self.log_entry.map(|(sequence, _)| sequence),
                    log_hash = self.log_entry.map(|(_, hash)| tracing::field::display(hash)),
                    reason = self.reason,
                    note = self.note.as_ref().map(Note::as_str),
                    packages = self.packages.as_ref().map(PackagePatterns::as_str),
                    expires_at = self.expires_at.as_ref().map(rfc3339),
                    floor = self.floor.map(tracing::field::display),
                    old_kek_id = self.keks.map(|(old, _)| tracing::field::display(old)),
                    new_kek_id = self.keks.map(|(_, new)| tracing::field::display(new)),
                    keys = self.keys,
                    failure_reason = self.failure,
                )
            };
        }
        if self.event_type.level() == tracing::Level::WARN {
            emit_at!(WARN);
        } else {
            emit_at!(INFO);
        }
    }
}
