//! The signatures of packages that organizations keep: one table.

mod in_transaction;
mod of_organization;
mod of_package;
mod write;

use diesel::prelude::*;
use diesel::sql_types::Text;
use signing_crypto::{Fingerprint, OrgId, PackageDigest, SignatureEnvelope, SignatureId};

use crate::schema::package_signatures;
use crate::sql_types::{Bytes, Id, StoredText};

pub(crate) use in_transaction::SignatureGate;
pub use of_organization::StoredSignatureCursor;

/// How many signatures of one organization are looked at for one package: the
/// newest. Without a limit a granted organization could make looking them up
/// take any time.
pub const SIGNATURES_PER_ORG: usize = 16;

/// How many are looked at in all: those of the organization itself first, then the newest
/// of each one that it granted trust, then the second of each.
pub const SIGNATURES_IN_ALL: usize = 128;

/// A stored signature. Nothing in it can fail to be read: a row that holds anything else than
/// an envelope is one signature that does not count, and does not hide the others.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = package_signatures)]
#[non_exhaustive]
pub struct PackageSignatureRecord {
    /// Its id.
    #[diesel(sql_type = Id)]
    pub id: SignatureId,
    /// The organization that keeps it.
    #[diesel(sql_type = Id)]
    pub org_id: OrgId,
    /// The package that it is about, according to the program that stored it.
    #[diesel(sql_type = Bytes)]
    pub package_digest: PackageDigest,
    /// The envelope's JSON. Nothing about it has been checked.
    #[diesel(sql_type = Text)]
    pub envelope: StoredText,
}

/// A signature to keep.
#[derive(Clone, Debug)]
pub struct NewPackageSignature {
    /// The organization that keeps it.
    pub org_id: OrgId,
    /// The package that it is about.
    pub package_digest: PackageDigest,
    /// The signature.
    pub envelope: SignatureEnvelope,
}

/// What must hold when a signature is kept.
#[derive(Clone, Debug, Default)]
pub struct StoreCondition {
    /// [`own_package_signatures`](crate::StoreReader::own_package_signatures) still gives these.
    pub unchanged: Option<Vec<PackageSignatureRecord>>,
    /// The organization does not refuse this key: another key signs because this one has signed.
    pub not_refused: Option<Fingerprint>,
}
