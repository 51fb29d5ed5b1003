use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor,
};
use serde::{Serialize, Serializer};

/// A `T` that JSON must write as an object.
///
/// Derived `Deserialize` implementations also take a JSON array of the fields
/// in order, which gives one value two spellings.
pub(crate) struct Object<T>(pub(crate) T);

impl<T: DeserializeOwned> Object<T> {
    /// Reads one JSON object. Unlike serde_json, it looks for UTF-8 also in what is ignored
    /// (RFC 8259, section 8.1).
    pub(crate) fn parse(bytes: &[u8]) -> Result<T, serde_json::Error> {
        let text = std::str::from_utf8(bytes).map_err(serde_json::Error::custom)?;
        serde_json::from_str(text).map(|Self(value)| value)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

impl<T: Serialize> Serialize for Object<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// A JSON array of at most `N` values. It is refused while it is read, so that a longer one
/// takes no memory.
pub(crate) struct AtMost<T, const N: usize>(pub(crate) Vec<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for AtMost<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(AtMostVisitor(PhantomData))
    }
}

struct AtMostVisitor<T, const N: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for AtMostVisitor<T, N> {
    type Value = AtMost<T, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a JSON array of at most {N} values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<AtMost<T, N>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = array.next_element()? {
            if values.len() == N {
                return Err(A::Error::invalid_length(N + 1, &self));
            }
            values.push(value);
        }
        Ok(AtMost(values))
    }
}

impl<T: Serialize, const N: usize> Serialize for AtMost<T, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
