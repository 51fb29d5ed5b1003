//! Values in documents are their text.

use serde::{Serialize, Serializer};

use crate::digest::PackageDigest;
use crate::dsse::EntryHash;
use crate::key::{Fingerprint, KekId};
use crate::names::{
    GrantId, KeyId, KeyName, Note, OrgId, OrgName, PackageName, PackageVersion, SignatureId,
    StatementTime, StoreId, TrustedKeyId,
};
use crate::signed_trust::RootDigest;

macro_rules! serialize_as_text {
    ($($value:ty),* $(,)?) => {
        $(impl Serialize for $value {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        })*
    };
}

serialize_as_text!(
    EntryHash,
    Fingerprint,
    GrantId,
    KekId,
    KeyId,
    KeyName,
    Note,
    OrgId,
    OrgName,
    PackageDigest,
    PackageName,
    PackageVersion,
    RootDigest,
    SignatureId,
    StatementTime,
    StoreId,
    TrustedKeyId,
);
