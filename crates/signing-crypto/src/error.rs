mod checkpoint;
mod envelope;
mod key;
mod name;
mod pem;
#[cfg(feature = "private-keys")]
mod wrap;

pub use checkpoint::{CheckpointError, MalformedCheckpoint};
pub use envelope::{ContentLayer, EnvelopeError, ForeignFormat, MalformedEnvelope};
pub use key::KeyError;
pub use name::{NameError, NameFault, NameKind, ParseError, PatternError};
pub use pem::{KdfCost, PassphraseError, PemError, PemForm};
#[cfg(feature = "private-keys")]
pub use wrap::{KekError, WrapError};
