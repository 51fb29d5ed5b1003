//! What must hold of every parser for any input.
//!
//! An oracle takes bytes, gives them to one parser, and panics if the parser breaks its
//! promises: what it accepts is printed and read again as the same value, and agrees with
//! another reading of the same bytes (`serde_json`, `base64`, a plain matcher). The property
//! tests of this crate and the fuzz targets in `tests/fuzz` run the same oracles on the same
//! seeds.

#![expect(clippy::unwrap_used, reason = "a broken promise is to be seen as a panic")]

mod bytes;
mod envelopes;
mod keys;
mod library;
mod loader;
mod names;
mod signed_trust;
mod store;

/// What a parser said to an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It made a value of it, which kept every promise.
    Accepted,
    /// It gave an error.
    Refused,
}

impl<T, E> From<&Result<T, E>> for Verdict {
    fn from(parsed: &Result<T, E>) -> Self {
        match parsed {
            Ok(_) => Self::Accepted,
            Err(_) => Self::Refused,
        }
    }
}

/// A parser and what must hold of it.
#[derive(Clone, Copy)]
pub struct Oracle {
    /// The fuzz target's name, and that of the folder of its seeds.
    pub name: &'static str,
    /// Panics if a promise is broken.
    pub check: fn(&[u8]) -> Verdict,
}

/// Every oracle.
pub const ORACLES: &[Oracle] = &[
    Oracle { name: "envelope", check: envelopes::envelope },
    Oracle { name: "package_statement", check: envelopes::package_statement },
    Oracle { name: "audit_checkpoint", check: envelopes::audit_checkpoint },
    Oracle { name: "root_document", check: signed_trust::root_document },
    Oracle { name: "trust_statement", check: signed_trust::trust_statement },
    Oracle { name: "revocations", check: signed_trust::revocations },
    Oracle { name: "trust_bundle", check: signed_trust::bundle },
    Oracle { name: "trust_draft", check: signed_trust::draft },
    Oracle { name: "state_file", check: loader::state_file },
    Oracle { name: "library", check: library::library },
    Oracle { name: "public_key", check: keys::public_key },
    Oracle { name: "private_key", check: keys::private_key },
    Oracle { name: "encrypted_private_key", check: keys::encrypted_private_key },
    Oracle { name: "wrapped_key", check: keys::wrapped_key },
    Oracle { name: "key_encryption_key", check: keys::key_encryption_key },
    Oracle { name: "package_patterns", check: names::package_patterns },
    Oracle { name: "names", check: names::names },
    Oracle { name: "ids_versions_times", check: names::ids_versions_times },
    Oracle { name: "database_url", check: store::database_url },
    Oracle { name: "role_name", check: store::role_name },
];

/// The oracle with this name.
///
/// # Panics
///
/// If no oracle has this name.
pub fn oracle(name: &str) -> Oracle {
    let found = ORACLES.iter().find(|oracle| oracle.name == name);
    *found.unwrap_or_else(|| panic!("there is no oracle {name}"))
}
