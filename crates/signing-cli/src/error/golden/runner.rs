//! The options of a program that loads packages.

use std::io;

use signing_crypto::{
    DocumentFault, MalformedBundle, MalformedTrustDocument, NameError, NameFault, NameKind,
    PemError, PemForm, TrustDocumentKind,
};
use signing_loader::{Protection, ProtectionError, SecurityArgsError};
use signing_trust::store::{StoreError, UrlError};
use signing_trust::{SignedTrustError, TrustRootError, VersionMemoryError};

use super::{Reached, Sample, values, variant};

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
        SecurityArgsError::TrustFile {
            path: "acme.root.json".into(),
            source: io::ErrorKind::NotFound.into(),
        },
        SecurityArgsError::TrustRoot {
            path: "acme.root.json".into(),
            source: TrustRootError::Malformed(malformed()),
        },
        SecurityArgsError::TrustBundle {
            path: "acme.bundle.json".into(),
            source: MalformedBundle::Type { found: "something else".into() },
        },
        SecurityArgsError::StateFile(VersionMemoryError::Damaged {
            path: "/var/lib/runner/trust".into(),
            fault: "a line cannot be read",
        }),
        SecurityArgsError::SignedTrust(SignedTrustError::Expired {
            org: values::org_id(),
            kind: TrustDocumentKind::Statement,
            at: values::time(),
        }),
        SecurityArgsError::PasswordOnCommandLine,
        SecurityArgsError::NoStore,
        SecurityArgsError::DatabaseUrl(UrlError::UnknownScheme),
        SecurityArgsError::OrganizationName(name),
        SecurityArgsError::Trust(StoreError::OrganizationNotFound.into()),
    ];
    errors.map(|error| Sample { variant: variant(&error), error: Reached::Runner(error) }).into()
}

fn malformed() -> MalformedTrustDocument {
    let fault = DocumentFault::Field { field: "version" };
    MalformedTrustDocument { kind: TrustDocumentKind::Root, fault }
}
