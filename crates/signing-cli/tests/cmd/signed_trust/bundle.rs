use std::thread;
use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

use super::{EXPORT, PUBLISH, ROOT, rooted, scratch, verify_by, without_store, words};
use crate::support::{Run, Scratch, text};

fn check(scratch: &Scratch, bundle: &str, more: &[&str]) -> Run {
    let verify = ["trust", "verify", bundle, "--trust-root", "root.json", "--json"];
    without_store(scratch, &[&verify[..], more].concat())
}

#[test]
fn a_bundle_is_verified_without_a_store() {
    let scratch = rooted();
    scratch.json(&EXPORT);
    let run = check(&scratch, "bundle.json", &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let own = run.document()["result"]["own"].clone();
    assert_eq!(words(&own["statement"]["keys"], "name"), ["release"]);
    assert_eq!(verify_by(&scratch, "bundle.json").code, 0);
}

#[test]
fn a_bundle_without_the_pinned_root_or_with_a_changed_document_is_refused() {
    let scratch = rooted();
    scratch.json(&EXPORT);
    let verify = ["trust", "verify", "bundle.json", "--trust-root"];
    scratch.fails(1, "TrustDocumentMissing", &[&verify[..], &[&"ab".repeat(32)]].concat());
    let mut bundle: Value = serde_json::from_slice(&scratch.read("bundle.json")).unwrap();
    let documents = &mut bundle["organizations"][0];
    let signature = documents["revocations"]["signatures"][0]["sig"].take();
    documents["statement"]["signatures"][0]["sig"] = signature.clone();
    documents["revocations"]["signatures"][0]["sig"] = signature;
    scratch.write("changed.json", bundle.to_string());
    check(&scratch, "changed.json", &[]).assert_failed(1, "ThresholdNotMet");
    verify_by(&scratch, "changed.json").assert_failed(1, "ThresholdNotMet");
    assert_eq!(check(&scratch, "bundle.json", &[]).code, 0);
}

#[test]
fn a_state_file_recognizes_an_older_bundle() {
    let scratch = rooted();
    scratch.json(&EXPORT);
    scratch.json(&PUBLISH);
    let newer = ["trust", "export", "--org", "acme", "--output", "newer.json", ROOT[0], ROOT[1]];
    scratch.json(&newer);
    let remember = ["--state-file", "state"];
    assert_eq!(check(&scratch, "bundle.json", &remember).code, 0);
    assert_eq!(check(&scratch, "newer.json", &remember).code, 0);
    check(&scratch, "bundle.json", &remember).assert_failed(1, "TrustDocumentRolledBack");
    assert_eq!(check(&scratch, "newer.json", &remember).code, 0);
    assert_eq!(check(&scratch, "bundle.json", &[]).code, 0);
}

#[test]
fn a_bundle_whose_childs_documents_have_expired_is_exported_and_refuses_the_child_alone() {
    let scratch = rooted();
    scratch.json(&["orgs", "create", "vendor"]);
    scratch.json(&["orgs", "grant-trust", "--from", "acme", "--to", "vendor"]);
    scratch.json(&["keys", "trust", "--org", "vendor", "--import", "other.pub.pem"]);
    let init = ["trust", "init", "--org", "vendor", "--root-key", "second.pem", "--yes"];
    let root =
        text(&scratch.json(&[&init[..], &["--root-output", "vendor.json"]].concat())["root"]);
    let child = format!("vendor={root}");
    scratch.json(&[&PUBLISH[..], &["--child-root", &child]].concat());
    let by_child = || {
        scratch.json(&["package", "sign", "a.so", "--key", "other.pem", "--force"]);
        verify_by(&scratch, "bundle.json")
    };
    scratch.json(&EXPORT);
    let verified = check(&scratch, "bundle.json", &[]).document()["result"].clone();
    assert_eq!(words(&verified["children"], "org"), ["vendor"]);
    assert_eq!(words(&verified["refused"], "code"), [""; 0]);
    assert_eq!(by_child().code, 0);

    let soon = (Utc::now() + TimeDelta::seconds(3)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let publish = ["trust", "publish", "--org", "vendor", "--key", "second.pem", "--yes"];
    let expiring = ["--trust-root", "vendor.json", "--expires", &soon];
    scratch.json(&[&publish[..], &expiring].concat());
    thread::sleep(Duration::from_secs(4));
    scratch.json(&[&EXPORT[..], &["--force"]].concat());
    let verified = check(&scratch, "bundle.json", &[]).document()["result"].clone();
    assert_eq!(words(&verified["children"], "org"), [""; 0]);
    assert_eq!(words(&verified["refused"], "code"), ["TrustDocumentExpired"]);
    by_child().assert_failed(1, "UntrustedSigner");
    scratch.json(&["package", "sign", "a.so", "--key", "release.pem", "--force"]);
    assert_eq!(verify_by(&scratch, "bundle.json").code, 0);
}

#[test]
fn a_child_without_documents_is_named_in_a_warning_that_quiet_does_not_suppress() {
    let scratch = rooted();
    scratch.json(&["orgs", "create", "vendor"]);
    scratch.json(&["orgs", "grant-trust", "--from", "acme", "--to", "vendor"]);
    let child = format!("vendor={}", "ab".repeat(32));
    scratch.json(&[&PUBLISH[..], &["--child-root", &child]].concat());
    let exported = scratch.run(&[&EXPORT[..], &["--quiet"]].concat());
    assert_eq!((exported.code, &*exported.stdout), (0, ""), "{}", exported.stderr);
    let said = "warning: acme: the keys of vendor do not count for acme: ";
    assert!(exported.stderr.starts_with(said), "{}", exported.stderr);
}

#[test]
fn nothing_is_exported_for_an_organization_without_documents() {
    let scratch = scratch();
    let root = "ab".repeat(32);
    let export = [&EXPORT[..6], &["--trust-root", &root]].concat();
    scratch.fails(1, "TrustDocumentMissing", &export);
    assert!(!scratch.exists("bundle.json"));
}

#[test]
fn what_a_file_says_is_shown_and_called_unverified() {
    let scratch = rooted();
    scratch.json(&EXPORT);
    for (file, what) in [("bundle.json", "bundle"), ("root.json", "document")] {
        let shown = scratch.json(&["trust", "show", file]);
        assert_eq!((&shown["what"], &shown["verified"]), (&what.into(), &false.into()));
        let text = scratch.run(&["trust", "show", file]).stdout;
        assert!(text.starts_with(&format!("a {what}: nothing in it is verified\n")), "{text}");
    }
    scratch.fails(2, "UnknownTrustFile", &["trust", "show", "root.pem"]);
    scratch.fails(2, "UnknownTrustFile", &["trust", "show", "a.so.sig"]);
}
