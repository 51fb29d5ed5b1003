//! The vectors of "Taming the many EdDSAs" (Chalkias, Garillot and Nikolaenko,
//! 2020, <https://eprint.iacr.org/2020/1244>), from `cases.json` of
//! <https://github.com/novifinancial/ed25519-speccheck>, commit 6551933.

use super::*;

struct Case {
    about: &'static str,
    message: &'static str,
    public: &'static str,
    signature: &'static str,
    /// What the import of the public key must say.
    import: Result<(), KeyError>,
    /// What verification would say without that import.
    accepted_unchecked: bool,
}

const CASES: [Case; 12] = [
    Case {
        about: "small A and R",
        message: "8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6",
        public: "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        signature: "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a0000000000000000000000000000000000000000000000000000000000000000",
        import: Err(KeyError::SmallOrder),
        accepted_unchecked: false,
    },
    Case {
        about: "small A",
        message: "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        public: "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        signature: "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        import: Err(KeyError::SmallOrder),
        accepted_unchecked: false,
    },
    Case {
        about: "small R, mixed A",
        message: "aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab",
        public: "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        signature: "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e",
        import: Err(KeyError::MixedOrder),
        accepted_unchecked: false,
    },
    Case {
        about: "mixed A and R, which the verification alone accepts",
        message: "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        public: "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        signature: "9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009",
        import: Err(KeyError::MixedOrder),
        accepted_unchecked: true,
    },
    Case {
        about: "mixed A and R, valid only with the cofactor",
        message: "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        public: "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        signature: "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed5125ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09",
        import: Err(KeyError::MixedOrder),
        accepted_unchecked: false,
    },
    Case {
        about: "mixed A, valid only with the cofactor",
        message: "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        public: "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        signature: "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405",
        import: Err(KeyError::MixedOrder),
        accepted_unchecked: false,
    },
    Case {
        about: "S above L",
        message: "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        public: "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
        signature: "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514",
        import: Ok(()),
        accepted_unchecked: false,
    },
    Case {
        about: "S far above L",
        message: "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        public: "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
        signature: "8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa19427e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22",
        import: Ok(()),
        accepted_unchecked: false,
    },
    Case {
        about: "mixed A, R not canonical and hashed reduced",
        message: "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        public: "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        signature: "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff03be9678ac102edcd92b0210bb34d7428d12ffc5df5f37e359941266a4e35f0f",
        import: Err(KeyError::MixedOrder),
        accepted_unchecked: false,
    },
    Case {
        about: "mixed A, R not canonical and hashed as it stands",
        message: "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        public: "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        signature: "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffca8c5b64cd208982aa38d4936621a4775aa233aa0505711d8fdcfdaa943d4908",
        import: Err(KeyError::MixedOrder),
        accepted_unchecked: false,
    },
    Case {
        about: "A not canonical and hashed reduced",
        message: "e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b",
        public: "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        signature: "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        import: Err(KeyError::NotCanonical),
        accepted_unchecked: false,
    },
    Case {
        about: "A not canonical and hashed as it stands",
        message: "39a591f5321bbe07fd5a23dc2f39d025d74526615746727ceefd6e82ae65c06f",
        public: "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        signature: "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        import: Err(KeyError::NotCanonical),
        accepted_unchecked: false,
    },
];

#[test]
fn public_keys_of_the_taming_vectors_are_judged_on_import() {
    for case in CASES {
        let imported = VerifyingKey::from_bytes(&bytes(case.public)).map(|_| ());
        assert_eq!(imported, case.import, "{}", case.about);
    }
}

#[test]
fn no_taming_vector_is_accepted() {
    let mut verified = 0;
    for case in CASES {
        if let Ok(key) = VerifyingKey::from_bytes(&bytes(case.public)) {
            let signature = bytes::<64>(case.signature);
            assert!(
                !key.accepts(&hex::decode(case.message).unwrap(), &signature),
                "{}",
                case.about
            );
            verified += 1;
        }
    }
    assert_eq!(verified, 2, "the two whose key is fit and whose S is too large");
}

#[test]
fn verification_alone_would_accept_a_key_of_mixed_order() {
    for case in CASES {
        let key = unchecked(&bytes(case.public));
        let accepted =
            key.accepts(&hex::decode(case.message).unwrap(), &bytes::<64>(case.signature));
        assert_eq!(accepted, case.accepted_unchecked, "{}", case.about);
    }
}
