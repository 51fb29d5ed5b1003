//! What the statements have in common: in-toto Statement v1 about one subject.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::dsse::MalformedStatement;
use crate::dsse::strict_json::Object;

/// The `_type` of every statement: in-toto Statement v1.
pub(crate) const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// A statement, as it is signed.
pub(crate) struct Statement<P> {
    /// The subject's name.
    pub(crate) name: String,
    /// The subject's digest.
    pub(crate) sha256: String,
    /// What is said about the subject.
    pub(crate) predicate: P,
}

impl<P: Serialize> Statement<P> {
    /// The statement as compact JSON: the payload that is signed.
    pub(crate) fn into_json(self, predicate_type: &str) -> String {
        let digest = Object(DigestSet { sha256: self.sha256 });
        let wire = WireStatement {
            statement_type: STATEMENT_TYPE.into(),
            subject: vec![Object(Subject { name: self.name, digest })],
            predicate_type: predicate_type.into(),
            predicate: Object(self.predicate),
        };
        serde_json::to_string(&wire).expect("strings and integers serialize")
    }
}

impl<P: DeserializeOwned> Statement<P> {
    /// Reads a statement of one kind. Its types are looked at first: a statement about something
    /// else has other fields.
    pub(crate) fn parse(
        payload: &[u8],
        predicate_type: &'static str,
    ) -> Result<Self, MalformedStatement> {
        let types: Types = Object::parse(payload)?;
        if types.statement_type != STATEMENT_TYPE {
            return Err(MalformedStatement::StatementType { found: types.statement_type });
        }
        if types.predicate_type != predicate_type {
            let (expected, found) = (predicate_type, types.predicate_type);
            return Err(MalformedStatement::PredicateType { expected, found });
        }
        let wire: WireStatement<P> = Object::parse(payload)?;
        let found = wire.subject.len();
        let [Object(Subject { name, digest: Object(digest) })] =
            <[_; 1]>::try_from(wire.subject)
                .map_err(|_| MalformedStatement::SubjectCount { found })?;
        Ok(Self { name, sha256: digest.sha256, predicate: wire.predicate.0 })
    }
}

#[derive(Deserialize)]
struct Types {
    #[serde(rename = "_type")]
    statement_type: String,
    #[serde(rename = "predicateType")]
    predicate_type: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireStatement<P> {
    #[serde(rename = "_type")]
    statement_type: String,
    subject: Vec<Object<Subject>>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: Object<P>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    name: String,
    digest: Object<DigestSet>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DigestSet {
    sha256: String,
}
