use super::error::DocumentFault;
use super::{DocumentHeader, Role, TrustDocumentKind};

/// A document of signed trust. The trait is sealed: there are three.
pub trait TrustDocument: Clone + Sized + sealed::Payload {
    /// Which one it is.
    const KIND: TrustDocumentKind;
    /// Who signs it.
    const ROLE: Role;
    /// The DSSE `payloadType`, which no other document has.
    const PAYLOAD_TYPE: &'static str;
    /// The most bytes that its payload may have.
    const MAX_PAYLOAD: usize;

    /// What every document says.
    fn header(&self) -> &DocumentHeader;

    /// The document as compact JSON: the payload that is signed.
    fn to_json(&self) -> String;
}

pub(super) mod sealed {
    use super::DocumentFault;

    pub trait Payload: Sized {
        fn from_payload(payload: &[u8]) -> Result<Self, DocumentFault>;
    }
}

/// The most bytes that an envelope around `D` may have: its payload in base64, and sixteen
/// signatures.
pub(super) const fn max_envelope<D: TrustDocument>() -> usize {
    D::MAX_PAYLOAD.div_ceil(3) * 4 + 8 * 1024
}
