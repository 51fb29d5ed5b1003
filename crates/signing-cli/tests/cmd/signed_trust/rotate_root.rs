use super::{PUBLISH, ROOT, STATUS, rooted, verify, versions, without_store, words};

const ROTATE: [&str; 9] = [
    "trust",
    "rotate-root",
    "--org",
    "acme",
    "--yes",
    ROOT[0],
    ROOT[1],
    "--root-key",
    "second.pem",
];
const REVOCATION: [&str; 2] = ["--revocation-key", "online.pem"];

#[test]
fn new_root_keys_take_over_and_a_runner_with_the_old_root_follows() {
    let scratch = rooted();
    scratch.json(&[&ROTATE[..], &REVOCATION, &["--key", "root.pem"]].concat());
    // The revocation role has kept its key, so that its document stays.
    assert_eq!(versions(&scratch), [2, 2, 1]);
    scratch.json(&STATUS);
    assert_eq!(verify(&scratch).code, 0);
    scratch.fails(1, "KeyWithoutRole", &PUBLISH);
    let publish = ["trust", "publish", "--org", "acme", "--key", "second.pem", "--yes"];
    scratch.json(&[&publish[..], &ROOT].concat());
    assert_eq!(versions(&scratch), [2, 3, 1]);
    assert_eq!(verify(&scratch).code, 0);
}

#[test]
fn new_root_keys_do_not_take_over_without_the_old_ones() {
    let scratch = rooted();
    scratch.fails(2, "DraftNeeded", &[&ROTATE[..], &REVOCATION].concat());
    let stranger = [&ROTATE[..], &REVOCATION, &["--key", "other.pem"]].concat();
    scratch.fails(1, "KeyWithoutRole", &stranger);
    assert_eq!(versions(&scratch), [1, 1, 1]);
}

#[test]
fn a_rotation_goes_round_as_a_draft() {
    let scratch = rooted();
    let draft = ["--draft", "draft.json"];
    let drafted = scratch.json(&[&ROTATE[..], &REVOCATION, &draft].concat());
    assert_eq!(words(&drafted["missing"], "kind"), ["root"]);
    let from = ["trust", "publish", "--from", "draft.json", "--yes", ROOT[0], ROOT[1]];
    scratch.fails(1, "ThresholdNotMet", &from);
    assert_eq!(versions(&scratch), [1, 1, 1]);
    let cosign = ["trust", "cosign", "draft.json", "--key", "root.pem", "--yes"];
    assert_eq!(without_store(&scratch, &cosign).code, 2);
    let cosign = [&cosign[..], &ROOT].concat();
    assert_eq!(without_store(&scratch, &cosign).code, 0);
    scratch.json(&from);
    assert_eq!(versions(&scratch), [2, 2, 1]);
    assert_eq!(verify(&scratch).code, 0);
}

#[test]
fn documents_are_signed_again_if_the_keys_of_their_role_change() {
    let scratch = rooted();
    let same = [&ROTATE[..8], &["root.pem"]].concat();
    scratch.json(&[&same[..], &REVOCATION].concat());
    assert_eq!(versions(&scratch), [2, 1, 1]);
    scratch.json(&[&same[..], &["--revocation-key", "second.pem"]].concat());
    assert_eq!(versions(&scratch), [3, 1, 2]);
    assert_eq!(verify(&scratch).code, 0);
}
