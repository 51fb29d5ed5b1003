//! How one root document follows another.

use super::*;

/// The first root document, signed by two of its keys.
fn first() -> VerifiedRoot {
    VerifiedRoot::pinned(&signed_by(&root(), &[1, 2])).unwrap()
}

/// A second root document, of which two of the keys 3, 8 and 9 sign root documents.
fn second() -> RootDocument {
    root_of(header(2), [role(&[3, 8, 9], 2), role(&[4, 5], 2), role(&[6], 1)])
}

/// What the first root says of the second, with these signatures.
fn follow(document: &RootDocument, signers: &[u8]) -> Result<VerifiedRoot, RootChainError> {
    first().followed_by(&signed_by(document, signers))
}

#[test]
fn root_that_the_old_and_the_new_keys_have_signed_follows() {
    let next = follow(&second(), &[1, 2, 8, 9]).unwrap();
    assert_eq!(next.document(), &second());
    assert_eq!(next.digest(), signed_by(&second(), &[1]).digest());
    assert_ne!(next.digest(), first().digest());
    // A key of both counts for both.
    follow(&second(), &[1, 3, 8]).unwrap();
    follow(&second(), &[2, 3, 9]).unwrap();
}

#[test]
fn root_that_too_few_of_the_old_keys_have_signed_does_not_follow() {
    for (signers, found) in [(&[8, 9][..], 0), (&[1, 8, 9], 1), (&[3, 8], 1), (&[4, 5, 8, 9], 0)] {
        let refused = follow(&second(), signers).unwrap_err();
        let RootChainError::Predecessor(threshold) = &refused else { panic!("{refused:?}") };
        let (version, kind) = (DocumentVersion::new(2).unwrap(), TrustDocumentKind::Root);
        let expected = ThresholdNotMet { kind, version, role: Role::Root, required: 2, found };
        assert_eq!(threshold, &expected, "{signers:?}");
        assert_eq!(refused.code(), "ThresholdNotMet");
    }
}

#[test]
fn root_that_too_few_of_its_own_keys_have_signed_does_not_follow() {
    for (signers, found) in [(&[1, 2][..], 0), (&[1, 2, 8], 1), (&[1, 2, 3], 1)] {
        let refused = follow(&second(), signers).unwrap_err();
        let RootChainError::Own(threshold) = &refused else { panic!("{refused:?}") };
        assert_eq!((threshold.required, threshold.found), (2, found), "{signers:?}");
        assert_eq!(refused.code(), "ThresholdNotMet");
    }
}

#[test]
fn threshold_that_the_next_root_lowers_still_counts_for_the_step_to_it() {
    let lower = root_of(header(2), [role(&[1], 1), role(&[4], 1), role(&[6], 1)]);
    assert!(matches!(follow(&lower, &[1]), Err(RootChainError::Predecessor(_))));
    let lower = follow(&lower, &[1, 2]).unwrap();
    let third = root_of(header(3), [role(&[1], 1), role(&[4], 1), role(&[6], 1)]);
    lower.followed_by(&signed_by(&third, &[1])).unwrap();
}

#[test]
fn version_that_is_not_the_next_does_not_follow() {
    for (version, is_next) in [(1, false), (2, true), (3, false), (u32::MAX, false)] {
        let document = RootDocument::new(
            header(version),
            second().keys().copied(),
            Role::ALL.map(|role| second().role(role).clone()),
        )
        .unwrap();
        let followed = follow(&document, &[1, 2, 8, 9]);
        assert_eq!(followed.is_ok(), is_next, "{version}");
        if let Err(refused) = followed {
            let number = |version| DocumentVersion::new(version).unwrap();
            let (expected, found) = (number(2), number(version));
            assert_eq!(refused, RootChainError::Version { expected, found });
            assert_eq!(refused.code(), "BrokenRootChain");
        }
    }
}

#[test]
fn root_of_another_organization_does_not_follow() {
    let theirs = DocumentHeader { org: VENDOR.parse().unwrap(), ..header(2) };
    let roles = Role::ALL.map(|role| second().role(role).clone());
    let document = RootDocument::new(theirs, second().keys().copied(), roles).unwrap();
    let refused = follow(&document, &[1, 2, 8, 9]).unwrap_err();
    let (expected, found) = (ACME.parse().unwrap(), VENDOR.parse().unwrap());
    assert_eq!(refused, RootChainError::Organization { expected, found });
    assert_eq!(refused.code(), "TrustDocumentOfAnotherOrganization");
}

#[test]
fn organization_may_be_called_otherwise_in_the_next_root() {
    let renamed = DocumentHeader { org_name: "acme-2".parse().unwrap(), ..header(2) };
    let roles = Role::ALL.map(|role| second().role(role).clone());
    let document = RootDocument::new(renamed, second().keys().copied(), roles).unwrap();
    follow(&document, &[1, 2, 8, 9]).unwrap();
}

#[test]
fn nothing_follows_the_last_version() {
    let last = root_of(header(u32::MAX), [role(&[1], 1), role(&[1], 1), role(&[1], 1)]);
    let last = VerifiedRoot::pinned(&signed_by(&last, &[1])).unwrap();
    for version in [1, u32::MAX] {
        let next = root_of(header(version), [role(&[1], 1), role(&[1], 1), role(&[1], 1)]);
        let refused = last.followed_by(&signed_by(&next, &[1])).unwrap_err();
        assert_eq!(refused, RootChainError::Last);
        assert_eq!(refused.code(), "BrokenRootChain");
    }
}

#[test]
fn chain_of_three_is_followed_step_by_step_and_no_step_is_skipped() {
    let third = root_of(header(3), [role(&[20, 21], 2), role(&[22], 1), role(&[23], 1)]);
    let third = signed_by(&third, &[8, 9, 20, 21]);
    let second = signed_by(&second(), &[1, 2, 8, 9]);
    let end = first().followed_by(&second).unwrap().followed_by(&third).unwrap();
    assert_eq!(end.digest(), third.digest());

    let number = |version| DocumentVersion::new(version).unwrap();
    let skipped = first().followed_by(&third).unwrap_err();
    assert_eq!(skipped, RootChainError::Version { expected: number(2), found: number(3) });
    let back = end.followed_by(&second).unwrap_err();
    assert_eq!(back, RootChainError::Version { expected: number(4), found: number(2) });

    // Statements are signed by the keys of the root at the end, and no longer by the others.
    end.verify(&signed_by(&statement(), &[22])).unwrap();
    assert_eq!(end.verify(&signed_by(&statement(), &[4, 5])).unwrap_err().found, 0);
}

#[test]
fn keys_of_the_first_root_do_not_sign_the_third() {
    let third = root_of(header(3), [role(&[20], 1), role(&[22], 1), role(&[23], 1)]);
    let second = first().followed_by(&signed_by(&second(), &[1, 2, 8, 9])).unwrap();
    let refused = second.followed_by(&signed_by(&third, &[1, 2, 20])).unwrap_err();
    assert!(matches!(refused, RootChainError::Predecessor(_)), "{refused:?}");
    second.followed_by(&signed_by(&third, &[3, 9, 20])).unwrap();
}

#[test]
fn digest_names_what_was_signed_and_not_who_signed() {
    let [few, many] = [&[1, 2][..], &[1, 2, 3]].map(|signers| signed_by(&root(), signers));
    assert_ne!(few, many);
    assert_eq!(few.digest(), many.digest());
    let digest = few.digest();
    assert_eq!(digest.to_string().parse::<RootDigest>().unwrap(), digest);
    assert!(digest.to_string().to_uppercase().parse::<RootDigest>().is_err());

    let other = root_of(header(2), [role(&[1, 2, 3], 2), role(&[4, 5], 2), role(&[6, 7], 1)]);
    assert_ne!(signed_by(&other, &[1, 2]).digest(), digest);
}
