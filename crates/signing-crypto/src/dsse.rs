//! What is signed, and the envelopes that hold it: DSSE v1 around in-toto statements.

mod checkpoint;
mod envelope;
mod error;
mod in_toto;
mod signer_count;
mod statement;
mod strict_json;

pub use checkpoint::{AuditCheckpoint, EntryHash, SignedCheckpoint, VerifiedCheckpoint};
pub use envelope::{
    EnvelopeSignature, MAX_ENVELOPE_SIZE, MAX_SIGNATURES, PAYLOAD_TYPE, SignatureEnvelope,
    VerifiedStatement,
};
#[cfg(feature = "private-keys")]
pub use error::AddSignatureError;
pub use error::{
    CheckpointError, EnvelopeError, ForeignFormat, JsonFault, MalformedCheckpoint,
    MalformedEnvelope, MalformedStatement, UnexpectedJson,
};
pub(crate) use in_toto::STATEMENT_TYPE;
pub use signer_count::{SignerCount, SignerCountError};
pub use statement::{PREDICATE_TYPE, PackageStatement};
pub(crate) use strict_json::{AtMost, Object, present};
