use std::fmt;
use std::marker::PhantomData;
use std::str::Utf8Error;

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor,
};
use serde::{Serialize, Serializer};
use serde_json::error::Category;

use crate::dsse::{JsonFault, UnexpectedJson};

/// A `T` that JSON must write as an object.
///
/// Derived `Deserialize` implementations also take a JSON array of the fields
/// in order, which gives one value two spellings.
pub(crate) struct Object<T>(pub(crate) T);

impl<T: DeserializeOwned> Object<T> {
    /// Reads one JSON object. Unlike serde_json, it looks for UTF-8 also in what is ignored
    /// (RFC 8259, section 8.1).
    pub(crate) fn parse(bytes: &[u8]) -> Result<T, UnexpectedJson> {
        let text =
            std::str::from_utf8(bytes).map_err(|error| UnexpectedJson::not_text(bytes, &error))?;
        match serde_json::from_str(text) {
            Ok(Self(value)) => Ok(value),
            Err(error) => Err(UnexpectedJson::of(&error)),
        }
    }
}

impl UnexpectedJson {
    /// Keeps the place and the kind of an error. Its words are dropped: they quote the input.
    pub(crate) fn of(error: &serde_json::Error) -> Self {
        let fault = match error.classify() {
            Category::Eof | Category::Io => JsonFault::End,
            Category::Syntax => JsonFault::Syntax,
            Category::Data => fault_of_data(&error.to_string()),
        };
        Self { fault, line: error.line(), column: error.column() }
    }

    fn not_text(bytes: &[u8], error: &Utf8Error) -> Self {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
        Self { fault: JsonFault::Encoding, line, column }
    }
}

/// serde names the kind of an error in its first words, before it quotes anything.
fn fault_of_data(words: &str) -> JsonFault {
    let kinds = [
        ("missing field", JsonFault::MissingField),
        ("unknown field", JsonFault::UnknownField),
        ("duplicate field", JsonFault::DuplicateField),
        ("invalid type", JsonFault::Type),
    ];
    let kind = kinds.into_iter().find(|(words_of_kind, _)| words.starts_with(words_of_kind));
    kind.map_or(JsonFault::Value, |(_, fault)| fault)
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

/// A field that is present has a value: `null` is not another way to leave it out.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
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

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read is of interest")]
    struct Document {
        count: u8,
        names: AtMost<String, 1>,
    }

    impl<T, const N: usize> fmt::Debug for AtMost<T, N> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("AtMost")
        }
    }

    #[test]
    fn an_error_says_what_is_wrong_and_where_and_quotes_nothing() {
        for (text, fault, line, column) in [
            (&b"\"hunter2\""[..], JsonFault::Type, 1, 9),
            (b"4711", JsonFault::Type, 1, 4),
            (b"hunter2", JsonFault::Syntax, 1, 1),
            (b"{\"hunter2\": 1}", JsonFault::UnknownField, 1, 10),
            (b"{\"count\": \"hunter2\"}", JsonFault::Type, 1, 19),
            (b"{\"count\": 1, \"count\": 2}", JsonFault::DuplicateField, 1, 20),
            (b"{\n \"count\": 4711}", JsonFault::Value, 2, 14),
            (b"{\"count\": 1}", JsonFault::MissingField, 1, 12),
            (b"{\"count\": 1, \"names\": [\"hunter2\", \"b\"]}", JsonFault::Value, 1, 38),
            (b"{\"count\": ", JsonFault::End, 1, 10),
            (b"{\n \"\xffhunter2", JsonFault::Encoding, 2, 3),
        ] {
            let shown = String::from_utf8_lossy(text);
            let error = Object::<Document>::parse(text).unwrap_err();
            assert_eq!(error, UnexpectedJson { fault, line, column }, "{shown}");
            for quoted in ["hunter2", "4711"] {
                assert!(!format!("{error} {error:?}").contains(quoted), "{shown}: {error}");
            }
        }
    }
}
