mod checkpoint;
mod envelope;
mod key;
mod name;
mod pem;
mod wrap;

pub use checkpoint::{CheckpointError, MalformedCheckpoint};
pub use envelope::{ContentLayer, EnvelopeError, ForeignFormat, MalformedEnvelope};
pub use key::KeyError;
pub use name::{NameError, NameFault, NameKind, ParseError, PatternError};
pub use pem::{KdfCost, PassphraseError, PemError, PemForm};
pub use wrap::{KekError, WrapError};
