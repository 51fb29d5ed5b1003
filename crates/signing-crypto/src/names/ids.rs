use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::names::ParseError;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new, random (version 4) id.
            #[cfg(feature = "private-keys")]
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }

            /// The id as the UUID that it is.
            pub fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            /// Reads the hyphenated form only, so that an id has one spelling.
            fn from_str(text: &str) -> Result<Self, ParseError> {
                let uuid: Uuid = text.parse().map_err(|_| ParseError::Id { kind: $kind })?;
                if uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) != text {
                    return Err(ParseError::Id { kind: $kind });
                }
                Ok(Self(uuid))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

id!(
    /// Names an organization.
    OrgId,
    "organization"
);
id!(
    /// Names a signing key: a key pair that an organization owns.
    KeyId,
    "signing key"
);
id!(
    /// Names a trusted key: an organization's word about one public key.
    TrustedKeyId,
    "trusted key"
);
id!(
    /// Names a trust grant from a parent to a child organization.
    GrantId,
    "trust grant"
);
id!(
    /// Names one state of what a store knows about trust: every change gives another.
    TrustStateId,
    "state of trust"
);
id!(
    /// Names a store, so that one is not taken for another.
    StoreId,
    "store"
);
id!(
    /// Names a signature kept in a store.
    SignatureId,
    "signature"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_round_trips_through_its_text() {
        let id = OrgId::random();
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn other_spellings_of_an_id_are_rejected() {
        let id = OrgId::random().to_string();
        for other in [id.to_uppercase(), id.replace('-', ""), format!("{{{id}}}"), format!(" {id}")]
        {
            assert!(other.parse::<OrgId>().is_err(), "{other}");
        }
    }
}
