use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signing_crypto::{PackageDigest, PackageStatement, SignatureEnvelope, SigningKey};

use crate::support::{Scratch, finish};

/// A signature by `one` and `two` about a package that is not there.
fn scratch() -> Scratch {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("one");
    scratch.key_files("two");
    scratch.write("a.so.sig", envelope(&scratch, "2999-01-28T12:00:00Z").to_json());
    scratch
}

fn key(scratch: &Scratch, name: &str) -> SigningKey {
    SigningKey::from_pem(&scratch.read(&format!("{name}.pem"))).unwrap()
}

fn envelope(scratch: &Scratch, expires_at: &str) -> SignatureEnvelope {
    let statement = PackageStatement::new(
        "a.so".parse().unwrap(),
        PackageDigest::from_bytes([7; 32]),
        123,
        "2026-01-28T12:00:00Z".parse().unwrap(),
    )
    .with_version("1.4.0".parse().unwrap())
    .with_expiry(expires_at.parse().unwrap());
    let mut envelope = SignatureEnvelope::sign(&statement, &key(scratch, "one"));
    envelope.add_signature(&key(scratch, "two")).unwrap();
    envelope
}

fn inspect<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["package", "inspect"], more].concat()
}

/// What is shown of [`envelope`], with this first line and these verdicts.
fn golden(scratch: &Scratch, first: &str, verdicts: [&str; 2]) -> String {
    let [one, two] = ["one", "two"].map(|name| key(scratch, name).fingerprint());
    format!(
        "{first}\n  payload    application/vnd.in-toto+json\n  name       a.so\n  sha256     {}\n  \
         size       123\n  version    1.4.0\n  signed at  2026-01-28T12:00:00Z\n  \
         expires    2999-01-28T12:00:00Z\n  signature  {one}\n             {}\n  \
         signature  {two}\n             {}\n",
        "07".repeat(32),
        verdicts[0],
        verdicts[1],
    )
}

const UNVERIFIED: &str = "unverified a.so.sig: nobody has checked these claims";
const VERIFIED: &str =
    "verified a.so.sig: a trusted key has signed this; the package was not checked";
const REFUSED: &str = "refused a.so.sig: do not rely on what it states";

#[test]
fn without_anybodys_trust_everything_is_an_unverified_claim() {
    let scratch = scratch();
    let expected = golden(&scratch, UNVERIFIED, ["not checked"; 2]);
    scratch.write("elsewhere", scratch.read("a.so.sig"));
    for arguments in [&["a.so"][..], &["a.so.sig"]] {
        let run = scratch.run(&inspect(arguments));
        assert_eq!((run.code, &*run.stdout, &*run.stderr), (0, &*expected, ""));
    }
    let run = scratch.run(&inspect(&["--signature", "elsewhere"]));
    assert_eq!(run.stdout, expected.replace("a.so.sig", "elsewhere"));

    let [one, two] = ["one", "two"].map(|name| key(&scratch, name).fingerprint().to_string());
    assert_eq!(
        scratch.json(&inspect(&["a.so"])),
        json!({
            "path": "a.so.sig",
            "verdict": "unverified",
            "payload_type": "application/vnd.in-toto+json",
            "statement": {
                "name": "a.so",
                "sha256": "07".repeat(32),
                "size": 123,
                "version": "1.4.0",
                "signed_at": "2026-01-28T12:00:00Z",
                "expires_at": "2999-01-28T12:00:00Z",
            },
            "signatures": [
                { "keyid": one, "verdict": "unverified" },
                { "keyid": two, "verdict": "unverified" },
            ],
        })
    );
}

#[test]
fn each_signature_is_told_as_what_it_is_to_whom_it_is_shown() {
    let scratch = scratch();
    let pinned = inspect(&["a.so", "--trust-key", "one.pub.pem"]);
    let run = scratch.run(&pinned);
    let not_pinned = "not trusted: it is not one of the keys that were given";
    let expected = golden(&scratch, VERIFIED, ["verified, trusted (pinned)", not_pinned]);
    assert_eq!((run.code, &*run.stdout, &*run.stderr), (0, &*expected, ""));
    let signatures = scratch.json(&pinned)["signatures"].clone();
    assert_eq!(
        (&signatures[0]["verdict"], &signatures[0]["via"]["path"]),
        (&"verified".into(), &"pinned".into())
    );
    assert_eq!(
        (&signatures[1]["verdict"], &signatures[1]["code"]),
        (&"refused".into(), &"UntrustedSigner".into())
    );

    scratch.json(&["keys", "trust", "--org", "acme", "--import", "two.pub.pem"]);
    let run = scratch.run(&inspect(&["a.so", "--org", "acme"]));
    let unknown = "not trusted: it is neither trusted directly nor through a grant";
    let expected = golden(&scratch, VERIFIED, [unknown, "verified, trusted (direct)"]);
    assert_eq!((run.code, &*run.stdout, &*run.stderr), (0, &*expected, ""));
}

#[test]
fn what_no_trusted_key_signed_is_shown_and_refused() {
    let scratch = scratch();
    scratch.key_files("stranger");
    let not_pinned = "not trusted: it is not one of the keys that were given";
    let arguments = inspect(&["a.so", "--trust-key", "stranger.pub.pem"]);
    let run = scratch.run(&arguments);
    assert_eq!((run.code, run.stdout), (1, golden(&scratch, REFUSED, [not_pinned; 2])));
    assert!(run.stderr.starts_with("refused: a.so.sig: the signer "), "{}", run.stderr);
    let document = scratch.fails(1, "UntrustedSigner", &arguments).document();
    assert_eq!(document["result"]["verdict"], "refused");

    let mut document: Value = serde_json::from_slice(&scratch.read("a.so.sig")).unwrap();
    document["signatures"][0]["sig"] = document["signatures"][1]["sig"].clone();
    scratch.write("a.so.sig", document.to_string());
    let run = scratch.run(&inspect(&["a.so", "--trust-key", "one.pub.pem"]));
    let broken = "broken: not made by the key that it names";
    assert_eq!((run.code, run.stdout), (1, golden(&scratch, REFUSED, [broken, not_pinned])));
    scratch.json(&inspect(&["a.so", "--trust-key", "two.pub.pem"]));
}

#[test]
fn a_signature_that_names_no_key_is_told_by_the_key_that_made_it() {
    let scratch = scratch();
    let mut document: Value = serde_json::from_slice(&scratch.read("a.so.sig")).unwrap();
    document["signatures"][0]["keyid"] = "release".into();
    scratch.write("a.so.sig", document.to_string());
    let one = key(&scratch, "one").fingerprint().to_string();
    let run = scratch.run(&inspect(&["a.so", "--trust-key", "one.pub.pem"]));
    let expected = format!("(names no key)\n             verified, by {one}, trusted (pinned)");
    assert!(run.stdout.contains(&expected), "{}", run.stdout);
    let shown = scratch.json(&inspect(&["a.so", "--trust-key", "two.pub.pem"]));
    assert_eq!(shown["signatures"][0]["verdict"], "refused");
    assert_eq!(shown["signatures"][0]["keyid"], Value::Null);
}

#[test]
fn an_expired_signature_is_a_claim_and_refused_by_whom_it_is_checked() {
    let scratch = scratch();
    scratch.write("a.so.sig", envelope(&scratch, "2026-01-29T00:00:00Z").to_json());
    scratch.json(&inspect(&["a.so"]));
    let run = scratch.fails(1, "Expired", &inspect(&["a.so", "--trust-key", "one.pub.pem"]));
    let result = &run.document()["result"];
    assert_eq!(result["verdict"], "refused");
    assert_eq!(result["signatures"][0]["verdict"], "verified");
}

#[test]
fn what_is_about_no_package_is_shown_and_refused() {
    let scratch = scratch();
    let mut document: Value = serde_json::from_slice(&scratch.read("a.so.sig")).unwrap();
    document["payloadType"] = "text/plain\nok b.so".into();
    document["payload"] = STANDARD.encode("hello").into();
    scratch.write("a.so.sig", document.to_string());
    for more in [&["a.so"][..], &["a.so", "--trust-key", "one.pub.pem"]] {
        let run = scratch.fails(1, "MalformedSignature", &inspect(more));
        let result = &run.document()["result"];
        assert_eq!(result["payload_type"], "text/plain\nok b.so");
        assert_eq!(result["statement"], Value::Null);
        let shown = scratch.run(&inspect(more));
        assert!(shown.stdout.starts_with(REFUSED), "{}", shown.stdout);
        assert!(!shown.stdout.lines().any(|line| line.starts_with("ok")), "{}", shown.stdout);
    }
}

#[test]
fn what_is_no_signature_is_an_error() {
    let scratch = scratch();
    scratch.write("b.so.sig", "{}");
    scratch.fails(1, "MalformedSignature", &inspect(&["b.so"]));
    scratch.fails(1, "SignatureNotFound", &inspect(&["c.so"]));
    scratch.fails(1, "SignatureNotFound", &inspect(&["a.so", "--signature", "gone"]));
    scratch.fails(2, "Usage", &inspect(&[]));
    let both = inspect(&["a.so", "--org", "acme", "--trust-key", "one.pub.pem"]);
    scratch.fails(2, "Usage", &both);
    scratch.fails(2, "NoSuchOrganization", &inspect(&["a.so", "--org", "acne"]));
    scratch.fails(2, "InvalidKeyFile", &inspect(&["a.so", "--trust-key", "one.pem"]));
}

#[test]
fn a_claim_needs_no_store_and_no_kek() {
    let scratch = scratch();
    let mut command = scratch.command(&inspect(&["a.so", "--json"]));
    command.env("CLOACINA_DATABASE_URL", "/nowhere/store.db");
    command.env_remove("CLOACINA_KEY_ENCRYPTION_KEY");
    assert_eq!(finish(&mut command, b"").code, 0);
}

/// A library that cc makes of nothing, with these options.
fn library(scratch: &Scratch, name: &str, options: &[&str]) {
    scratch.write("empty.c", "int answer(void) { return 42; }\n");
    let arguments = [&["-shared", "-fPIC", "empty.c", "-o", name], options].concat();
    let run = finish(scratch.tool("cc").args(arguments), b"");
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn what_a_native_package_links_against_is_shown() {
    let scratch = scratch();
    library(&scratch, "a.so", &["-Wl,-soname,libanswer.so.1", "-Wl,--no-as-needed", "-lm"]);
    let run = scratch.run(&inspect(&["a.so"]));
    let block = "  library    libanswer.so.1\n  needs      libm.so.6\n             libc.so.6\n";
    assert!(run.stdout.ends_with(block), "{}", run.stdout);
    assert_eq!((run.code, &*run.stderr), (0, ""));
    let library = &scratch.json(&inspect(&["a.so"]))["library"];
    let needed = ["libm.so.6", "libc.so.6"];
    assert_eq!(*library, json!({"soname": "libanswer.so.1", "needed": needed, "faults": []}));

    // Of the signature file alone nothing is said about the package.
    assert_eq!(scratch.json(&inspect(&["a.so.sig"])).get("library"), None);
}

#[test]
fn a_package_that_no_runner_would_load_is_shown_with_warnings() {
    let scratch = scratch();
    library(&scratch, "a.so", &["-Wl,-rpath,$ORIGIN", "-z", "execstack"]);
    for more in [&["a.so"][..], &["a.so", "--trust-key", "one.pub.pem"]] {
        let run = scratch.run(&inspect(more));
        assert_eq!(run.code, 0);
        for warning in [
            "warning: a.so: the library has the dynamic entry DT_RUNPATH \"$ORIGIN\", which no \
             package may have\nnext: ",
            "warning: a.so: the library asks for an executable stack",
        ] {
            assert!(run.stderr.contains(warning), "{}", run.stderr);
        }
        let faults = &scratch.json(&inspect(more))["library"]["faults"];
        let codes: Vec<_> = faults.as_array().unwrap().iter().map(|it| &it["code"]).collect();
        assert_eq!(codes, ["ForbiddenDynamicTag", "ExecutableStack"]);
    }
    // What is no library has no such faults.
    scratch.write("a.so", "print('hello')");
    let run = scratch.run(&inspect(&["a.so"]));
    assert_eq!((run.code, &*run.stderr), (0, ""));
    assert_eq!(scratch.json(&inspect(&["a.so"])).get("library"), None);
}
