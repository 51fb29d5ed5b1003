use chrono::{DateTime, Utc};
use signing_crypto::{
    EntryHash, Fingerprint, KekId, KeyId, Note, OrgId, PackageDigest, PackageName, PackagePatterns,
    PackageVersion, SignatureId, error_with_sources, rfc3339,
};
#[cfg(feature = "store")]
use signing_store::{AddedDetails, AuditEntry, Revocation};
#[cfg(feature = "store")]
use tracing::{Dispatch, Span, dispatcher};

#[cfg(feature = "store")]
use crate::actor::Actor;

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

            /// The level at which it is logged.
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
    /// An organization's private keys were wrapped again, with another KEK.
    KekRotated = "kek.rotated", INFO;
    /// The lowest version of a package that is accepted was set, or taken away.
    FloorSet = "package.floor.set", INFO;
    /// Trust was granted to another organization.
    GrantCreated = "trust.grant.created", INFO;
    /// A grant was revoked.
    GrantRevoked = "trust.grant.revoked", WARN;
    /// Documents of signed trust were published.
    TrustPublished = "trust.published", WARN;
    /// A package was signed.
    PackageSigned = "package.signed", INFO;
    /// A signature was put into the store.
    SignatureStored = "package.signature.stored", INFO;
    /// A stored signature was removed from the store.
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
    /// A package that is loaded is no longer trusted.
    PackageTrustEnded = "package.trust.ended", WARN;
    /// A package that is loaded is trusted again.
    PackageTrustRestored = "package.trust.restored", INFO;
    /// The store has not answered for longer than a program with loaded packages allows.
    TrustStale = "trust.stale", WARN;
    /// The store answers such a program again.
    TrustCurrent = "trust.current", INFO;
    /// A refused package is about to be loaded nonetheless, in observe mode.
    WouldRefuse = "package.load.would_refuse", WARN;
    /// The result of an observation.
    EnforcementObserved = "enforcement.observed", WARN;
    /// A checkpoint of an audit log was signed.
    CheckpointSigned = "audit.checkpoint.signed", INFO;
    /// An audit log was found to be broken.
    AuditLogBroken = "audit.log.broken", WARN;
}

macro_rules! audit_fields {
    ($($name:ident),* $(,)?) => {
        /// The fields of an event, which are the details of its entry in the log.
        #[derive(Clone, Debug, Default)]
        struct Fields {
            $($name: Option<String>),*
        }

        impl Fields {
            #[cfg(feature = "store")]
            fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
                let fields = [$((stringify!($name), self.$name.as_deref())),*];
                fields.into_iter().filter_map(|(name, value)| Some((name, value?)))
            }

            // What somebody chose is recorded as text, which every subscriber quotes:
            // a file's name cannot end its field and begin another.
            fn emit(&self, event_type: EventType) {
                let name = event_type.as_str();
                match event_type.level() {
                    tracing::Level::WARN => tracing::event!(
                        target: AUDIT_TARGET,
                        tracing::Level::WARN,
                        event_type = name,
                        $($name = self.$name.as_deref()),*
                    ),
                    _ => tracing::event!(
                        target: AUDIT_TARGET,
                        tracing::Level::INFO,
                        event_type = name,
                        $($name = self.$name.as_deref()),*
                    ),
                }
            }
        }
    };
}

audit_fields! {
    org_id,
    child_org_id,
    name,
    key_id,
    predecessor_id,
    key_fingerprint,
    package_name,
    package_hash,
    signature_id,
    log_sequence,
    log_hash,
    reason,
    note,
    packages,
    expires_at,
    floor,
    documents,
    old_kek_id,
    new_kek_id,
    keys,
    failure_reason,
    summary,
    actor,
    operating_system_user,
    host,
    database_role,
}

/// Something that happened: an event on its way to `tracing`, and if it is a change, also
/// its entry in the audit log, with the same fields.
///
/// Fields that do not apply are absent. None of them is ever secret.
#[derive(Clone, Debug)]
#[must_use = "call `emit` to log the event"]
pub struct AuditEvent {
    event_type: EventType,
    fields: Fields,
}

impl AuditEvent {
    /// An event of a type, without fields.
    pub fn new(event_type: EventType) -> Self {
        Self { event_type, fields: Fields::default() }
    }

    /// The field `org_id`: who acted, or for whom it was done. In the log it is a column.
    pub fn org(mut self, org: impl Into<Option<OrgId>>) -> Self {
        self.fields.org_id = text(org.into());
        self
    }

    /// The field `documents`: the documents that were published, by kind and version.
    pub(crate) fn documents(mut self, documents: String) -> Self {
        self.fields.documents = Some(documents);
        self
    }

    /// The field `child_org_id`: the other side of a grant.
    pub fn child_org(mut self, org: impl Into<Option<OrgId>>) -> Self {
        self.fields.child_org_id = text(org.into());
        self
    }

    /// The field `name`: of the organization or the key that a change makes.
    pub fn name(mut self, name: Option<impl ToString>) -> Self {
        self.fields.name = text(name);
        self
    }

    /// The field `key_id`: the signing or trusted key's id.
    pub fn key_id(mut self, id: Option<impl ToString>) -> Self {
        self.fields.key_id = text(id);
        self
    }

    /// The field `predecessor_id`: the signing key whose place the new one takes.
    pub(crate) fn predecessor(mut self, id: Option<KeyId>) -> Self {
        self.fields.predecessor_id = text(id);
        self
    }

    /// The field `key_fingerprint`.
    pub fn fingerprint(mut self, fingerprint: impl Into<Option<Fingerprint>>) -> Self {
        self.fields.key_fingerprint = text(fingerprint.into());
        self
    }

    /// The field `package_name`.
    pub fn package(mut self, name: &PackageName) -> Self {
        self.fields.package_name = text(Some(name));
        self
    }

    /// The field `package_hash`: SHA-256 in hexadecimal.
    pub fn digest(mut self, digest: impl Into<Option<PackageDigest>>) -> Self {
        self.fields.package_hash = text(digest.into());
        self
    }

    /// The field `signature_id`: the id of a stored signature.
    pub(crate) fn signature(mut self, id: SignatureId) -> Self {
        self.fields.signature_id = text(Some(id));
        self
    }

    /// The fields `log_sequence` and `log_hash`: an audit log's last entry.
    pub(crate) fn log_entry(mut self, sequence: u64, hash: EntryHash) -> Self {
        self.fields.log_sequence = text(Some(sequence));
        self.fields.log_hash = text(Some(hash));
        self
    }

    /// The fields `reason`, `retired` or `compromised`, and `note`.
    #[cfg(feature = "store")]
    pub(crate) fn revocation(mut self, revocation: &Revocation) -> Self {
        self.fields.reason = text(Some(revocation.reason));
        self.fields.note = text(revocation.note.as_ref());
        self
    }

    /// The field `note`: what somebody says about a change.
    pub(crate) fn note(mut self, note: &Note) -> Self {
        self.fields.note = text(Some(note));
        self
    }

    /// The field `packages`: what a grant is limited to, as a JSON array.
    pub(crate) fn packages(mut self, packages: Option<&PackagePatterns>) -> Self {
        self.fields.packages = text(packages.map(PackagePatterns::as_str));
        self
    }

    /// The field `expires_at`: RFC 3339.
    pub fn expires_at(mut self, expires_at: Option<DateTime<Utc>>) -> Self {
        self.fields.expires_at = expires_at.as_ref().map(rfc3339);
        self
    }

    /// The field `floor`: the lowest version that is accepted.
    pub(crate) fn floor(mut self, floor: Option<&PackageVersion>) -> Self {
        self.fields.floor = text(floor);
        self
    }

    /// The fields `old_kek_id` and `new_kek_id`.
    pub(crate) fn keks(mut self, old: KekId, new: KekId) -> Self {
        self.fields.old_kek_id = text(Some(old));
        self.fields.new_kek_id = text(Some(new));
        self
    }

    /// The field `keys`: how many private keys were wrapped.
    pub(crate) fn keys(mut self, count: u64) -> Self {
        self.fields.keys = text(Some(count));
        self
    }

    /// The field `failure_reason`: an error with its sources.
    pub fn failure(mut self, error: &dyn std::error::Error) -> Self {
        self.fields.failure_reason = Some(error_with_sources(error));
        self
    }

    /// The field `summary`: how many packages were accepted, and how many would be refused.
    pub fn summary(mut self, summary: impl ToString) -> Self {
        self.fields.summary = text(Some(summary));
        self
    }

    /// The field `actor`, or `operating_system_user` and `host`: who makes a change,
    /// according to this program.
    #[cfg(feature = "store")]
    pub(crate) fn actor(mut self, actor: Actor) -> Self {
        match actor {
            Actor::Named(name) => self.fields.actor = text(Some(name)),
            Actor::Process { user, host } => {
                self.fields.operating_system_user = Some(user);
                self.fields.host = Some(host);
            }
        }
        self
    }

    /// The event as an entry in the log. When the entry is committed, the event is emitted.
    #[cfg(feature = "store")]
    pub(crate) fn into_entry(self, caller: Caller) -> AuditEntry {
        let entry = AuditEntry::new(self.event_type.as_str());
        let details = self.fields.iter().filter(|(name, _)| *name != "org_id");
        let entry = details.fold(entry, |entry, (name, value)| entry.with(name, value));
        entry.on_commit(move |added| caller.emit(self.with_added(added)))
    }

    /// The event with what the transaction has added to its entry.
    #[cfg(feature = "store")]
    fn with_added(mut self, added: &AddedDetails) -> Self {
        self.fields.key_id = text(added.key_id).or(self.fields.key_id);
        self.fields.database_role.clone_from(&added.database_role);
        self
    }

    /// Hands the event to `tracing`.
    pub fn emit(self) {
        self.fields.emit(self.event_type);
    }
}

/// The subscriber and the span of the caller of a change. The task that commits the change has
/// others.
#[cfg(feature = "store")]
#[derive(Clone)]
pub(crate) struct Caller {
    subscriber: Dispatch,
    span: Span,
}

#[cfg(feature = "store")]
impl Caller {
    pub(crate) fn current() -> Self {
        Self { subscriber: dispatcher::get_default(Clone::clone), span: Span::current() }
    }

    fn emit(&self, event: AuditEvent) {
        dispatcher::with_default(&self.subscriber, || self.span.in_scope(|| event.emit()));
    }
}

fn text(value: Option<impl ToString>) -> Option<String> {
    value.map(|value| value.to_string())
}
