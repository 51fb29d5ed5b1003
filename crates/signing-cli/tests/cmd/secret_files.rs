//! A file that is not what was meant may hold a secret: no error shows anything of it.

use std::os::unix::fs::symlink;

use crate::support::Scratch;

const SECRET: &str = "hunter2";

/// What a file with a secret may look like to a parser.
const CONTENTS: [&str; 9] = [
    "hunter2\n",
    "\"hunter2\"",
    "{\"hunter2\": 1}",
    "{\"payloadType\": \"hunter2\", \"payload\": \"hunter2\", \"signatures\": \"hunter2\"}",
    "{\"type\": \"hunter2\", \"hunter2\": {}}",
    "[\"hunter2\"]",
    "-----BEGIN hunter2-----\nhunter2\n-----END hunter2-----\n",
    "-----BEGIN CERTIFICATE-----\nhunter2!\n-----END hunter2-----\n",
    "ssh-hunter2 AAAA hunter2\n",
];

#[test]
fn no_error_quotes_a_file_that_is_not_what_was_meant() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    scratch.write("b.so", "b");
    symlink("secret", scratch.path("b.so.sig")).unwrap();
    let verify = ["verify", "a.so", "--trust-key", "dev.pub.pem"];
    let digest = "ab".repeat(32);
    let url = format!(
        "postgres://u@localhost:1/x?sslmode=verify-full&sslrootcert={}",
        scratch.path("secret").display()
    );
    for content in CONTENTS {
        scratch.write("secret", content);
        for arguments in [
            &["verify", "b.so", "--trust-key", "dev.pub.pem"][..],
            &["verify", "b.so", "--trust-key", "dev.pub.pem", "--explain"],
            &[&verify[..], &["--signature", "secret"]].concat(),
            &["package", "inspect", "b.so"],
            &["package", "inspect", "--signature", "secret"],
            &["package", "sign", "b.so", "--key", "dev.pem"],
            &["package", "sign", "a.so", "--key", "secret"],
            &[
                "package",
                "cosign",
                "b.so",
                "--key",
                "dev.pem",
                "--danger-cosign-unverified",
                "--yes",
            ],
            &["verify", "a.so", "--trust-key", "secret"],
            &["verify", "a.so", "--trust-root", "secret", "--org", "acme"],
            &["verify", "a.so", "--trust-root", &digest, "--trust-bundle", "secret"],
            &["verify", "a.so", "--trust-root", &digest, "--org", "acme", "--state-file", "secret"],
            &["keys", "trust", "--org", "acme", "--import", "secret"],
            &["keys", "import", "--org", "acme", "--name", "x", "--key", "secret"],
            &["keys", "generate", "--org", "acme", "--name", "x", "--kek-file", "secret"],
            &["trust", "show", "secret"],
            &["trust", "cosign", "secret", "--key", "dev.pem", "--trust-root", &digest],
            &["trust", "publish", "--from", "secret"],
            &["trust", "verify", "secret", "--trust-root", &digest],
            &["audit", "verify", "--checkpoint", "secret", "--trust-key", "dev.pub.pem"],
            &["orgs", "list", "--database-url", "secret"],
            &["orgs", "list", "--database-url", &url],
            &["doctor", "--trust-root", "secret", "--state-file", "secret"],
        ] {
            let run = scratch.run(arguments);
            assert_ne!(run.code, 0, "{arguments:?}: {}", run.stdout);
            run.assert_says_nowhere(SECRET);
            run.assert_says_nowhere("104, 117, 110");
        }
    }
}
