use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use signing_crypto::VerifyingKey;

use crate::key_source::TokenUri;
use crate::signer_error::TokenError;

/// The start of a DER OCTET STRING of 32 bytes, in which PKCS#11 wraps a point.
const OCTET_STRING: &[u8] = &[0x04, 32];

/// The only Ed25519 private key that is called so, and its public half.
pub(super) fn find(
    session: &Session,
    uri: &TokenUri,
) -> Result<(ObjectHandle, VerifyingKey), TokenError> {
    let given = || uri.as_str().to_owned();
    let mut template =
        vec![Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::KeyType(KeyType::EC_EDWARDS)];
    template.extend(uri.label.clone().map(Attribute::Label));
    template.extend(uri.id.clone().map(Attribute::Id));
    let private = match session.find_objects(&template)?[..] {
        [private] => private,
        [] => return Err(TokenError::NoSuchKey { given: given() }),
        _ => return Err(TokenError::SeveralKeys { given: given() }),
    };
    let point = public_point(session, private)?
        .ok_or_else(|| TokenError::NoPublicKey { given: given() })?;
    let raw = point.strip_prefix(OCTET_STRING).filter(|raw| raw.len() == 32).unwrap_or(&point);
    let key = VerifyingKey::from_slice(raw)
        .map_err(|source| TokenError::UnfitKey { given: given(), source })?;
    Ok((private, key))
}

/// The point of the public key object that has the private key's id. That it belongs to the
/// private key is seen when the first signature is verified.
fn public_point(session: &Session, private: ObjectHandle) -> Result<Option<Vec<u8>>, TokenError> {
    let ids = session.get_attributes(private, &[AttributeType::Id])?;
    let mut template =
        vec![Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::KeyType(KeyType::EC_EDWARDS)];
    template.extend(ids);
    let [public] = session.find_objects(&template)?[..] else { return Ok(None) };
    let points = session.get_attributes(public, &[AttributeType::EcPoint])?;
    Ok(points.into_iter().find_map(|attribute| match attribute {
        Attribute::EcPoint(point) => Some(point),
        _ => None,
    }))
}
