//! The options of a program that loads packages.

use std::io;

use signing_crypto::{NameError, NameFault, NameKind, PemError, PemForm};
use signing_loader::{Protection, ProtectionError, SecurityArgsError};
use signing_trust::store::{StoreError, UrlError};

use super::{Reached, Sample, variant};

pub(super) fn samples() -> Vec<Sample> {
    let path = || "dev-key.pub.pem".into();
    let (expected, found) = (PemForm::PublicKey, PemForm::PrivateKey);
    let name = NameError { kind: NameKind::Organization, fault: NameFault::Empty };
    let errors = [
        SecurityArgsError::KeyFile { path: path(), source: io::ErrorKind::NotFound.into() },
        SecurityArgsError::Key { path: path(), source: PemError::WrongForm { expected, found } },
        SecurityArgsError::Unprotected(ProtectionError::Writable {
            path: path(),
            mode: 0o664,
            protection: Protection::Integrity,
        }),
        SecurityArgsError::PasswordOnCommandLine,
        SecurityArgsError::NoStore,
        SecurityArgsError::DatabaseUrl(UrlError::UnknownScheme),
        SecurityArgsError::OrganizationName(name),
        SecurityArgsError::Trust(StoreError::OrganizationNotFound.into()),
    ];
    errors.map(|error| Sample { variant: variant(&error), error: Reached::Runner(error) }).into()
}
