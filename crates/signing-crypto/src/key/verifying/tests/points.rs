use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::traits::IsIdentity;

use super::*;

/// The prime `2^255 - 19` in little-endian order, plus `n` below 19.
fn p_plus(n: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed + n;
    bytes[31] = 0x7f;
    bytes
}

#[test]
fn public_keys_of_another_length_are_refused() {
    let good: [u8; 32] = bytes(RFC_8032[0][1]);
    assert!(VerifyingKey::from_slice(&good).is_ok());
    for found in (0..32).chain([33, 64]) {
        let mut other = good.to_vec();
        other.resize(found, 0);
        assert_eq!(VerifyingKey::from_slice(&other), Err(KeyError::Length { found }));
    }
}

#[test]
fn bytes_that_encode_no_point_are_refused() {
    // About every second y has no x: count both kinds, so that neither is empty.
    let (mut points, mut others) = (0, 0);
    for y in 2..=255_u8 {
        let mut encoding = [0; 32];
        encoding[0] = y;
        match VerifyingKey::from_bytes(&encoding) {
            Err(KeyError::NotAPoint) => others += 1,
            Ok(_) | Err(KeyError::MixedOrder) => points += 1,
            Err(error) => panic!("y = {y}: {error}"),
        }
    }
    assert!(points > 100 && others > 100, "{points} points, {others} others");
}

#[test]
fn every_second_spelling_of_a_point_is_refused() {
    let mut spellings = Vec::new();
    for n in 0..19 {
        for sign in [0, 0x80] {
            let mut encoding = p_plus(n);
            encoding[31] |= sign;
            spellings.push(encoding);
        }
    }
    // For y = 1 and y = -1 the x is 0, which has no negative.
    let mut minus_one = p_plus(0);
    minus_one[0] -= 1;
    for mut encoding in [EIGHT_TORSION[0].compress().to_bytes(), minus_one] {
        encoding[31] |= 0x80;
        spellings.push(encoding);
    }
    let (points, others): (Vec<_>, Vec<_>) = spellings
        .iter()
        .partition(|spelling| CompressedEdwardsY(**spelling).decompress().is_some());
    // The library parses 24 with y at or above p, and the two negative zeroes.
    assert_eq!((points.len(), others.len()), (26, 14));
    for spelling in points {
        assert_eq!(VerifyingKey::from_bytes(spelling), Err(KeyError::NotCanonical));
    }
    for spelling in others {
        assert_eq!(VerifyingKey::from_bytes(spelling), Err(KeyError::NotAPoint));
    }
}

#[test]
fn the_eight_points_of_small_order_are_refused() {
    let mut seen = std::collections::BTreeSet::new();
    for point in EIGHT_TORSION {
        let encoding = point.compress().to_bytes();
        assert_eq!(VerifyingKey::from_bytes(&encoding), Err(KeyError::SmallOrder));
        seen.insert(encoding);
    }
    assert_eq!(seen.len(), 8);
}

#[test]
fn points_of_mixed_order_are_refused() {
    let fit = CompressedEdwardsY(bytes(RFC_8032[0][1])).decompress().unwrap();
    for point in [fit, ED25519_BASEPOINT_POINT] {
        for torsion in EIGHT_TORSION {
            let result = VerifyingKey::from_bytes(&(point + torsion).compress().to_bytes());
            if torsion.is_identity() {
                assert!(result.is_ok());
            } else {
                assert_eq!(result, Err(KeyError::MixedOrder));
            }
        }
    }
}
