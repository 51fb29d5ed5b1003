//! Organizations that are granted trust, and whose documents do not count.

use signing_crypto::TrustDocumentKind;

use super::expired::{ONE, expire};
use super::{EXPORT, PUBLISH, ROOT, STATUS, rooted, words};
use crate::support::{Run, Scratch, finish, text};

/// An organization that grants trust to another one with signed trust, whose root this is.
fn with_vendor() -> (Scratch, String) {
    let scratch = rooted();
    scratch.json(&["orgs", "create", "vendor"]);
    scratch.json(&["orgs", "grant-trust", "--from", "acme", "--to", "vendor"]);
    scratch.json(&["keys", "trust", "--org", "vendor", "--import", "other.pub.pem"]);
    let init = ["trust", "init", "--org", "vendor", "--root-key", "root.pem", "--yes"];
    let root = text(&scratch.json(&init)["root"]);
    (scratch, root)
}

fn publish(scratch: &Scratch, root: &str) -> Run {
    let child = format!("vendor={root}");
    let run = scratch.run(&[&PUBLISH[..], &["--child-root", &child]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    run
}

#[track_caller]
fn assert_shown(scratch: &Scratch, code: &str) {
    let status = finish(scratch.command(&STATUS).arg("--json"), b"");
    status.assert_failed(1, code);
    let refused = status.document()["result"]["refused_children"].clone();
    assert_eq!(
        (words(&refused, "org"), words(&refused, "code")),
        (vec!["vendor".into()], vec![code.into()])
    );
    let said = "the keys of vendor do not count for acme";
    assert!(status.stderr.contains(said), "{}", status.stderr);
    let exported = scratch.run(&[&EXPORT[..], &["--force", "--quiet"]].concat());
    assert_eq!(exported.code, 0, "{}", exported.stderr);
    assert!(exported.stderr.contains(said), "{}", exported.stderr);
    let doctor = scratch.run(&["doctor", ROOT[0], ROOT[1]]);
    assert_eq!(doctor.code, 1, "{}", doctor.stdout);
    let text = doctor.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(said), "{text}");
}

#[test]
fn a_root_that_is_none_of_the_child_is_warned_about_and_shown_everywhere() {
    let (scratch, root) = with_vendor();
    let own = text(&scratch.json(&STATUS)["root"]);
    let published = publish(&scratch, &own);
    let said = format!("{own} is not the root of vendor in this store");
    assert!(published.stderr.contains(&said), "{}", published.stderr);
    assert!(published.stderr.contains(&root), "{}", published.stderr);
    assert_shown(&scratch, "TrustDocumentMissing");

    // The sibling, by the step that is printed.
    let published = publish(&scratch, &root);
    assert!(!published.stderr.contains("is not the root"), "{}", published.stderr);
    assert_eq!(words(&scratch.json(&STATUS)["refused_children"], "org"), [""; 0]);
}

#[test]
fn a_child_whose_documents_have_expired_is_shown_everywhere() {
    let (scratch, root) = with_vendor();
    publish(&scratch, &root);
    scratch.json(&STATUS);
    expire(&scratch, "vendor", &[TrustDocumentKind::Revocations], &ONE);
    assert_shown(&scratch, "TrustDocumentExpired");
    let verify = ["trust", "verify", "bundle.json", ROOT[0], ROOT[1]];
    let verified = scratch.run(&verify).stdout;
    let said = "the keys of vendor do not count: the revocations document of vendor expired";
    assert!(verified.contains(said), "{verified}");
}

#[test]
fn a_child_whose_grant_has_ended_is_not_missed() {
    let (scratch, root) = with_vendor();
    publish(&scratch, &root);
    expire(&scratch, "vendor", &[TrustDocumentKind::Revocations], &ONE);
    scratch.json(&["orgs", "revoke-trust", "--from", "acme", "--to", "vendor"]);
    scratch.json(&PUBLISH);
    scratch.json(&STATUS);
}

/// A row ends the grant at once, and the statement names it until the next one is published.
#[test]
fn a_child_whose_grant_was_withdrawn_by_a_row_is_not_said_to_lack_documents() {
    let (scratch, root) = with_vendor();
    publish(&scratch, &root);
    let exported = scratch.json(&[&EXPORT[..], &["--force"]].concat());
    assert_eq!(exported["organizations"], 2);

    scratch.json(&["orgs", "revoke-trust", "--from", "acme", "--to", "vendor"]);
    let status = scratch.fails(1, "UnpublishedTrust", &STATUS);
    assert!(!status.stderr.contains("do not count"), "{}", status.stderr);
    assert_eq!(words(&status.document()["result"]["refused_children"], "org"), [""; 0]);
    let exported = scratch.run(&[&EXPORT[..], &["--force"]].concat());
    assert!(exported.stdout.contains("the documents of 1 organization\n"), "{}", exported.stdout);
    assert!(!exported.stderr.contains("do not count"), "{}", exported.stderr);
    let verified = scratch.run(&["trust", "verify", "bundle.json", ROOT[0], ROOT[1]]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    let said = "the bundle has no documents of the organization";
    assert!(verified.stdout.contains(said), "{}", verified.stdout);
    let doctor = scratch.run(&["doctor", ROOT[0], ROOT[1]]);
    assert!(!doctor.stdout.contains("do not count"), "{}", doctor.stdout);
}
