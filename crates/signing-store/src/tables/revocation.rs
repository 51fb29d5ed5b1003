use signing_crypto::{Note, RevocationReason};

/// A revocation to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocation {
    /// Why.
    pub reason: RevocationReason,
    /// What somebody says about it.
    pub note: Option<Note>,
}

impl Revocation {
    /// The key is no longer used.
    pub fn retired() -> Self {
        Self::default()
    }

    /// Somebody else may have the key.
    pub fn compromised() -> Self {
        Self { reason: RevocationReason::Compromised, note: None }
    }

    /// Whether it says more than one that was made before.
    pub(crate) fn is_worse_than(&self, before: Option<RevocationReason>) -> bool {
        self.reason == RevocationReason::Compromised
            && before != Some(RevocationReason::Compromised)
    }

    /// Adds what somebody says about it.
    #[must_use]
    pub fn with_note(self, note: Option<Note>) -> Self {
        Self { note, ..self }
    }
}
