use signing_crypto::{SigningKey, TrustLimits, TrustedKeyId};

use super::*;

fn orgs<const N: usize>() -> [OrgId; N] {
    std::array::from_fn(|_| OrgId::random())
}

fn matched(vouchers: &[Vec<OrgId>]) -> usize {
    most_distinct(&vouchers.iter().map(|orgs| &**orgs).collect::<Vec<_>>())
}

/// Tries everything.
fn by_brute_force(vouchers: &[Vec<OrgId>], taken: &mut Vec<OrgId>) -> usize {
    let Some((first, rest)) = vouchers.split_first() else { return taken.len() };
    let mut best = by_brute_force(rest, taken);
    for org in first {
        if !taken.contains(org) {
            taken.push(*org);
            best = best.max(by_brute_force(rest, taken));
            taken.pop();
        }
    }
    best
}

/// Which keys which organizations vouch for, read from the bits of a number.
fn graph(bits: u32, keys: usize, orgs: &[OrgId]) -> Vec<Vec<OrgId>> {
    let vouches = |key: usize, org: usize| bits >> (key * orgs.len() + org) & 1 == 1;
    (0..keys)
        .map(|key| (0..orgs.len()).filter(|&org| vouches(key, org)).map(|org| orgs[org]).collect())
        .collect()
}

#[test]
fn every_small_graph_is_matched_as_by_brute_force() {
    let orgs = orgs::<4>();
    for (keys, count) in [(1, 4), (4, 1), (2, 3), (3, 3), (4, 3), (3, 4)] {
        for bits in 0..1 << (keys * count) {
            let vouchers = graph(bits, keys, &orgs[..count]);
            let expected = by_brute_force(&vouchers, &mut Vec::new());
            assert_eq!(matched(&vouchers), expected, "{keys} {count} {bits:b}");
        }
    }
}

#[test]
fn more_trust_never_makes_fewer_count() {
    let orgs = orgs::<3>();
    for bits in 0..1 << 12 {
        let found = matched(&graph(bits, 4, &orgs));
        for more in 0..12 {
            assert!(matched(&graph(bits | 1 << more, 4, &orgs)) >= found, "{bits:b} {more}");
        }
    }
}

#[test]
fn order_does_not_matter() {
    let orgs = orgs::<3>();
    for bits in 0..1 << 9 {
        let vouchers = graph(bits, 3, &orgs);
        let found = matched(&vouchers);
        for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut other = order.map(|key| vouchers[key].clone());
            assert_eq!(matched(&other), found);
            other.iter_mut().for_each(|orgs| orgs.reverse());
            assert_eq!(matched(&other), found);
        }
    }
}

/// Each key but the first must give way to the one before it.
#[test]
fn the_longest_chain_is_followed() {
    let orgs = orgs::<16>();
    let mut chain: Vec<Vec<OrgId>> = (0..15).map(|key| vec![orgs[key], orgs[key + 1]]).collect();
    chain.push(vec![orgs[0]]);
    assert_eq!(matched(&chain), 16);
    chain[0] = vec![orgs[0]];
    assert_eq!(matched(&chain), 15);
    let crowd = vec![(0..1000).map(|_| OrgId::random()).collect::<Vec<_>>(); 16];
    assert_eq!(matched(&crowd), 16);
}

fn signer(vouchers: &[OrgId]) -> TrustedKey {
    let via = TrustPath::Direct { trusted_key: Some(TrustedKeyId::random()) };
    let key = SigningKey::generate().unwrap().verifying_key();
    let limits = TrustLimits::default();
    TrustedKey { key, name: None, via, vouchers: vouchers.to_vec(), limits }
}

fn count(count: usize) -> SignerCount {
    SignerCount::new(count).unwrap()
}

/// How many were found to be too few; `None` if they were enough.
fn too_few(required: RequiredSigners, signers: &[TrustedKey]) -> Option<usize> {
    match required.require(signers) {
        Ok(()) => None,
        Err(VerificationError::NotEnoughSigners { required: said, found, signers: by, .. }) => {
            let fingerprints: Vec<_> = signers.iter().map(|one| one.key.fingerprint()).collect();
            assert_eq!((said, by), (required, fingerprints));
            Some(found)
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn keys_of_one_organization_are_distinct_keys_but_not_distinct_organizations() {
    let [acme, other] = orgs();
    let two = [signer(&[acme]), signer(&[acme])];
    assert_eq!(too_few(RequiredSigners::Keys(count(2)), &two), None);
    assert_eq!(too_few(RequiredSigners::Keys(count(3)), &two), Some(2));
    assert_eq!(too_few(RequiredSigners::Organizations(count(2)), &two), Some(1));
    let two = [signer(&[acme]), signer(&[other])];
    assert_eq!(too_few(RequiredSigners::Organizations(count(2)), &two), None);
    let two = [signer(&[acme, other]), signer(&[acme])];
    assert_eq!(too_few(RequiredSigners::Organizations(count(2)), &two), None);
}

#[test]
fn a_key_that_many_organizations_trust_is_one_key() {
    let many = [signer(&orgs::<5>())];
    assert_eq!(too_few(RequiredSigners::Organizations(count(2)), &many), Some(1));
    assert_eq!(too_few(RequiredSigners::Organizations(count(1)), &many), None);
}

#[test]
fn nobody_is_never_enough() {
    for required in [RequiredSigners::default(), RequiredSigners::Organizations(SignerCount::ONE)] {
        assert_eq!(too_few(required, &[]), Some(0));
    }
    // Nor is a key for which nobody vouches one of an organization.
    let alone = [signer(&[])];
    assert_eq!(too_few(RequiredSigners::Organizations(SignerCount::ONE), &alone), Some(0));
}

#[test]
fn pinned_keys_are_of_no_organization() {
    let pinned = TrustedKey { via: TrustPath::Pinned, ..signer(&[]) };
    let required = RequiredSigners::Organizations(SignerCount::ONE);
    assert!(matches!(
        required.require(std::slice::from_ref(&pinned)),
        Err(VerificationError::NoOrganizations { required: said }) if said == required
    ));
    assert!(RequiredSigners::default().require(&[pinned]).is_ok());
}
