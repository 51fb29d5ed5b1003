//! Values in documents are their text, of which a JSON Schema gives the pattern.

#[cfg(feature = "schemas")]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::digest::PackageDigest;
use crate::dsse::EntryHash;
use crate::key::{Fingerprint, KekId};
use crate::names::{
    GrantId, KeyId, KeyName, Note, OrgId, OrgName, PackageName, PackageVersion, SignatureId,
    StatementTime, StoreId, TrustedKeyId,
};
use crate::signed_trust::RootDigest;

macro_rules! text_in_documents {
    ($($value:ident: $pattern:literal),* $(,)?) => {$(
        impl Serialize for $value {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        #[cfg(feature = "schemas")]
        impl JsonSchema for $value {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($value).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    )*};
}

text_in_documents!(
    EntryHash: "^[0-9a-f]{64}$",
    Fingerprint: "^[0-9a-f]{64}$",
    GrantId: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
    KekId: "^([0-9a-f]{2})+$",
    KeyId: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
    KeyName: "^[A-Za-z0-9][A-Za-z0-9._@+-]*$",
    Note: "^.+$",
    OrgId: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
    OrgName: "^[A-Za-z0-9][A-Za-z0-9._@+-]*$",
    PackageDigest: "^[0-9a-f]{64}$",
    PackageName: "^.+$",
    PackageVersion: "^[0-9]+\\.[0-9]+\\.[0-9]+([-+].+)?$",
    RootDigest: "^[0-9a-f]{64}$",
    SignatureId: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
    StatementTime: "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?Z$",
    StoreId: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
    TrustedKeyId: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
);
