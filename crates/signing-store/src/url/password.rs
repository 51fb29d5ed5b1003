use std::fmt;

use zeroize::Zeroizing;

/// What a role logs in with. Wiped when it is dropped, and never shown.
#[derive(Clone)]
pub(crate) struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// An empty password counts as no password, as in libpq.
    pub(crate) fn new(bytes: impl Into<Vec<u8>>) -> Option<Self> {
        let bytes = Zeroizing::new(bytes.into());
        (!bytes.is_empty()).then_some(Self(bytes))
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_not_shown() {
        let password = Password::new("open-sesame").unwrap();
        assert!(!format!("{password:?}").contains("sesame"));
        assert!(Password::new("").is_none());
    }
}
