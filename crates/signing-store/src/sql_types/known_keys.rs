//! Public keys that were found fit once need not be checked again: the check of a
//! key takes as long as the question to the database that it came with.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use signing_crypto::{KeyError, VerifyingKey};

/// The most keys that are kept, some 200 bytes each.
const MOST_KEYS: usize = 4096;

static KNOWN: LazyLock<RwLock<HashMap<[u8; 32], VerifyingKey>>> = LazyLock::new(RwLock::default);

/// As [`VerifyingKey::from_slice`]. What is kept is a function of the bytes alone, so
/// nothing can make it wrong.
pub(super) fn parse(bytes: &[u8]) -> Result<VerifyingKey, KeyError> {
    let Ok(exact) = <[u8; 32]>::try_from(bytes) else {
        return VerifyingKey::from_slice(bytes);
    };
    if let Some(key) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&exact) {
        return Ok(*key);
    }
    let key = VerifyingKey::from_bytes(&exact)?;
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= MOST_KEYS {
        known.clear();
    }
    known.insert(exact, key);
    Ok(key)
}

#[cfg(test)]
mod tests {
    use signing_crypto::SigningKey;

    use super::*;

    #[test]
    fn a_key_is_the_same_the_second_time() {
        let key = SigningKey::generate().unwrap().verifying_key();
        for _ in 0..2 {
            assert_eq!(parse(key.as_bytes()).unwrap(), key);
        }
    }

    #[test]
    fn what_is_no_key_is_refused_each_time() {
        for _ in 0..2 {
            assert!(matches!(parse(&[0; 31]), Err(KeyError::Length { found: 31 })));
            // The neutral element.
            let mut small_order = [0; 32];
            small_order[0] = 1;
            assert!(matches!(parse(&small_order), Err(KeyError::SmallOrder)));
        }
    }

    #[test]
    fn more_keys_than_are_kept_are_still_right() {
        let keys: Vec<_> =
            (0..MOST_KEYS + 2).map(|_| SigningKey::generate().unwrap().verifying_key()).collect();
        for key in &keys {
            assert_eq!(parse(key.as_bytes()).unwrap(), *key);
        }
    }
}
