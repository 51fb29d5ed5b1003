//! How a document of signed trust is signed again, once it has expired or before.

use std::fmt;

use signing_crypto::{OrgName, Role, RootDocument, TrustDocumentKind};

use crate::lines::counted;

/// The command that signs a document again, with as many keys as it needs.
#[derive(Debug)]
pub(crate) struct Renewal {
    org: OrgName,
    kind: TrustDocumentKind,
    /// How many keys must sign it.
    required: usize,
    /// The keys that the next root document names: those of the root role, and those of the other
    /// roles if they have their own.
    named: [usize; 3],
    /// What was given as the root document.
    trust_root: Option<String>,
}

impl Renewal {
    /// `root` is the newest root document, and `trust_root` the argument that names one.
    pub(crate) fn of(
        kind: TrustDocumentKind,
        org: &OrgName,
        root: &RootDocument,
        trust_root: Option<String>,
    ) -> Self {
        let of_root = root.role(Role::Root).keys();
        let named = |role| match root.role(role).keys() {
            keys if role != Role::Root && keys == of_root => 0,
            keys => keys.len(),
        };
        Self {
            org: org.clone(),
            kind,
            required: root.role(role_of(kind)).threshold().get(),
            named: Role::ALL.map(named),
            trust_root,
        }
    }
}

/// Which role signs a kind of document.
pub(crate) fn role_of(kind: TrustDocumentKind) -> Role {
    match kind {
        TrustDocumentKind::Statement => Role::Trust,
        TrustDocumentKind::Revocations => Role::Revocation,
        _ => Role::Root,
    }
}

impl fmt::Display for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { org, kind, required, named, trust_root } = self;
        let role = role_of(*kind);
        let keys = counted(*required as u64, "key");
        let trust_root = trust_root.as_deref().unwrap_or("<file>");
        match role {
            Role::Root => {
                write!(
                    f,
                    "sign the next root document with {keys} of the root role, and name the keys of \
                     every role: cloacina trust rotate-root --org {org} --trust-root {trust_root}"
                )?;
                for (role, count) in Role::ALL.iter().zip(named) {
                    write!(f, "{}", format!(" --{role}-key <key>").repeat(*count))?;
                }
                f.write_str("; give the public key's file for a key that does not sign")?;
            }
            _ => write!(
                f,
                "sign the {kind} document again with {keys} of the {role} role: cloacina trust publish \
                 --org {org} --trust-root {trust_root}{}",
                " --key <private key>".repeat(*required)
            )?,
        }
        match required {
            1 => Ok(()),
            _ => f.write_str("; if others have the keys, write a draft for them: --draft <file>"),
        }
    }
}
