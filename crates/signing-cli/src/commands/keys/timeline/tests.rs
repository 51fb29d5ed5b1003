use signing_crypto::{OrgId, SigningKey};
use signing_trust::store::RevocationReason;

use super::*;
use crate::generated::assert_current;
use crate::lines::Layout;

fn at(day: &str) -> DateTime<Utc> {
    crate::time::since(day).unwrap()
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(number: u8) -> T {
    format!("{number:02}000000-0000-4000-8000-0000000000{number:02}").parse().unwrap()
}

fn org() -> OrgId {
    id(1)
}

/// A key whose fingerprint is the same in every run.
fn signing<'a>(
    number: u8,
    name: &'a KeyName,
    days: [Option<&str>; 2],
    predecessor: Option<u8>,
) -> SigningFact<'a> {
    let [created_at, revoked_at] = days.map(|day| day.map(at));
    SigningFact {
        id: id(number),
        name,
        fingerprint: Fingerprint::from_bytes([number; 32]),
        created_at: created_at.unwrap(),
        revoked_at,
        predecessor: predecessor.map(id),
    }
}

fn trusted(key: &SigningFact<'_>, days: [Option<&str>; 3]) -> (TrustedKeyRecord, GraphKey) {
    let [created_at, expires_at, revoked_at] = days.map(|day| day.map(at));
    let row = TrustedKeyRecord {
        id: id(key.fingerprint.as_bytes()[0]),
        org_id: org(),
        fingerprint: key.fingerprint,
        public_key: Some(SigningKey::generate().unwrap().verifying_key().into()),
        name: Some(key.name.clone()),
        created_at: created_at.unwrap(),
        revoked_at,
        revocation_reason: None,
        revocation_note: None,
        expires_at,
    };
    let standing = match (revoked_at, expires_at) {
        (Some(at), _) => KeyStanding::Revoked { at, reason: RevocationReason::Retired },
        (None, Some(end)) if end <= at(NOW) => KeyStanding::Expired { at: end },
        _ => KeyStanding::Trusted,
    };
    let (id, fingerprint, name) = (row.id, row.fingerprint, row.name.clone());
    (row, GraphKey { id, fingerprint, name, expires_at, note: None, standing })
}

const NOW: &str = "2026-06-01";

fn names() -> [KeyName; 4] {
    ["release", "release.2", "release.3", "nightly"].map(|name| name.parse().unwrap())
}

/// Three keys, of which each has replaced the one before, and one of another name.
fn rotation(names: &[KeyName; 4]) -> (Vec<SigningFact<'_>>, Vec<(TrustedKeyRecord, GraphKey)>) {
    let keys = vec![
        signing(0x11, &names[0], [Some("2026-01-01"), Some("2026-03-01")], None),
        signing(0x22, &names[1], [Some("2026-02-15"), Some("2026-05-15")], Some(0x11)),
        signing(0x33, &names[2], [Some("2026-05-01"), None], Some(0x22)),
        signing(0x44, &names[3], [Some("2026-04-01"), None], None),
    ];
    let rows = vec![
        trusted(&keys[0], [Some("2026-01-01"), None, Some("2026-04-01")]),
        trusted(&keys[1], [Some("2026-02-15"), Some("2026-06-15"), None]),
        trusted(&keys[2], [Some("2026-05-01"), Some("2027-05-01"), None]),
        trusted(&keys[3], [Some("2026-04-01"), Some("2026-05-01"), None]),
    ];
    (keys, rows)
}

/// What is shown of these facts, about the rotation of a key or about all keys.
fn shown<T>(
    of: Option<KeyId>,
    compromised: Option<&str>,
    show: impl FnOnce(&TimelineView<'_>) -> T,
) -> T {
    let names = names();
    let (signing, rows) = rotation(&names);
    let (trusted, standings): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let facts = Facts { scope: Scope::All, signing, trusted: &trusted, standings: &standings };
    let facts = match of {
        Some(id) => facts.of_rotation(id),
        None => facts,
    };
    let keys = facts.lanes(|_| compromised.map(at));
    show(&TimelineView { org: &"acme".parse().unwrap(), as_of: Time(at(NOW)), keys })
}

#[test]
fn a_timeline_says_from_when_to_when_a_key_counts() {
    let text = shown(None, None, |view| view.text().to_text(Layout::Fitted));
    assert_current("src/commands/keys/timeline/tests/timeline.txt", &text);
}

#[test]
fn a_rotation_is_drawn_from_any_of_its_keys() {
    let draw =
        |number| shown(Some(id(number)), None, |view| svg::draw(view).to_text(Layout::Fitted));
    assert_current("src/commands/keys/timeline/tests/rotation.svg", &draw(0x11));
    assert_eq!(draw(0x22), draw(0x11));
    assert_eq!(draw(0x33), draw(0x11));
    assert!(!draw(0x11).contains("nightly") && draw(0x44).contains("nightly"));
}

#[test]
fn a_key_signs_no_longer_than_until_it_was_declared_compromised() {
    let ends = |compromised| {
        shown(Some(id(0x33)), compromised, |view| {
            view.keys
                .iter()
                .map(|lane| lane.periods[0].until.map(|until| until.0))
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(ends(None), [Some(at("2026-03-01")), Some(at("2026-05-15")), None]);
    let declared = Some(at("2026-05-20"));
    let [first, second] = ["2026-03-01", "2026-05-15"].map(|day| Some(at(day)));
    assert_eq!(ends(Some("2026-05-20")), [first, second, declared]);
}

/// The row of a key that was revoked, of one that expired before that, and of one that was
/// refused from the beginning.
#[test]
fn trust_ends_with_the_first_of_its_ends() {
    let name = names()[0].clone();
    let key = signing(0x11, &name, [Some("2026-01-01"), None], None);
    let periods = |days| {
        let (row, standing) = trusted(&key, days);
        let (trusted, standings) = ([row], [standing]);
        let facts = facts(&trusted, &standings);
        let lanes = facts.lanes(|_| None);
        lanes[0].periods.iter().map(Period::text).collect::<Vec<_>>()
    };
    let [trusted, refused] = [
        "trusted from 2026-01-01T00:00:00Z to 2026-02-01T00:00:00Z",
        "refused from 2026-02-01T00:00:00Z",
    ];
    assert_eq!(periods([Some("2026-01-01"), None, Some("2026-02-01")]), [trusted, refused]);
    let expired = periods([Some("2026-01-01"), Some("2026-02-01"), Some("2026-03-01")]);
    assert_eq!(expired, [trusted, "refused from 2026-03-01T00:00:00Z"]);
    let denied = periods([Some("2026-02-01"), None, Some("2026-02-01")]);
    assert_eq!(denied, [refused]);
}

fn facts<'a>(trusted: &'a [TrustedKeyRecord], standings: &'a [GraphKey]) -> Facts<'a> {
    Facts { scope: Scope::All, signing: Vec::new(), trusted, standings }
}

fn drawn(keys: Vec<LaneView<'_>>, now: &str) -> String {
    let view = TimelineView { org: &"acme".parse().unwrap(), as_of: Time(at(now)), keys };
    svg::draw(&view).to_text(Layout::Fitted)
}

#[test]
fn a_long_name_stays_in_its_place() {
    let name: KeyName = "a".repeat(255).parse().unwrap();
    let signing = vec![signing(0x11, &name, [Some("2026-01-01"), None], None)];
    let svg = drawn(Facts { signing, ..facts(&[], &[]) }.lanes(|_| None), NOW);
    assert!(svg.contains(&format!("<title>{name}</title>{}…</text>", "a".repeat(23))), "{svg}");
}

#[test]
fn the_end_of_time_is_drawn_too() {
    let name = names()[0].clone();
    let key = signing(0x11, &name, [Some("0001-01-01"), None], None);
    let (row, standing) = trusted(&key, [Some("0001-01-01"), Some("9999-12-31"), None]);
    let (trusted, standings) = ([row], [standing]);
    for now in ["0001-01-01", NOW, "9999-12-31"] {
        let keys = Facts { signing: vec![key], ..facts(&trusted, &standings) }.lanes(|_| None);
        assert!(drawn(keys, now).contains("trusted from 0001-01-01"));
    }
}
