//! Documents that have expired: the commands print the next steps after which they count again.

use std::collections::VecDeque;

use chrono::{SubsecRound, TimeDelta, Utc};
use signing_crypto::{
    DocumentHeader, Revocations, Role, RootDocument, SignedDocument, SigningKey, StatementTime,
    TrustDocument, TrustDocumentKind, TrustStatement,
};
use signing_trust::store::OrganizationRef;

use super::{EXPORT, INIT, ROOT, ROOT_OUTPUT, STATUS, filled, scratch, verify, verify_by, words};
use crate::support::{Run, Scratch, forge, text};

/// Who has which role, and how many must sign.
pub(crate) struct Keys {
    init: &'static [&'static str],
    roles: [&'static [&'static str]; 3],
    thresholds: [usize; 3],
}

/// One key for everything.
pub(crate) const ONE: Keys =
    Keys { init: &[], roles: [&["root"], &["root"], &["root"]], thresholds: [1, 1, 1] };

/// Two of three keys sign root documents and statements, another one revocations.
pub(super) const TWO_OF_THREE: Keys = Keys {
    init: &[
        "--root-key",
        "second.pem",
        "--root-key",
        "other.pub.pem",
        "--root-threshold",
        "2",
        "--trust-threshold",
        "2",
        "--revocation-key",
        "online.pem",
    ],
    roles: [&["root", "second", "other"], &["root", "second", "other"], &["online"]],
    thresholds: [2, 2, 1],
};

/// The same, and a fifth key signs statements.
const SEPARATE: Keys = Keys {
    init: &[
        "--root-key",
        "second.pem",
        "--root-key",
        "other.pub.pem",
        "--root-threshold",
        "2",
        "--trust-key",
        "release.pem",
        "--revocation-key",
        "online.pem",
    ],
    roles: [&["root", "second", "other"], &["release"], &["online"]],
    thresholds: [2, 1, 1],
};

impl Keys {
    pub(super) fn rooted(&self) -> Scratch {
        let scratch = scratch();
        self.init(&scratch);
        scratch
    }

    fn init(&self, scratch: &Scratch) {
        scratch.json(&[&INIT[..], self.init, &ROOT_OUTPUT, &["--yes"]].concat());
    }

    fn that_sign(&self, role: Role) -> &[&'static str] {
        let place = Role::ALL.iter().position(|other| *other == role).unwrap();
        &self.roles[place][..self.thresholds[place]]
    }

    /// The private keys that sign a role's document.
    fn signers(&self, scratch: &Scratch, role: Role) -> Vec<SigningKey> {
        let read = |name: &&str| SigningKey::from_pem(&scratch.read(&format!("{name}.pem")));
        self.that_sign(role).iter().map(|name| read(name).unwrap()).collect()
    }
}

/// Puts documents of the organization into the place of the newest ones that say the same, and that
/// have expired.
pub(crate) fn expire(scratch: &Scratch, org: &str, kinds: &[TrustDocumentKind], keys: &Keys) {
    let texts = scratch.inspect(async |store| {
        let named = OrganizationRef::Name(org.parse().unwrap());
        let id = store.store().organization(named).await.unwrap().id;
        store.unverified_documents(id).await.unwrap().unwrap()
    });
    for kind in kinds {
        let envelope = match kind {
            TrustDocumentKind::Root => {
                let root: RootDocument = parse(texts.roots.last().unwrap());
                let roles = Role::ALL.map(|role| root.role(role).clone());
                let root = RootDocument::new(past(root.header()), root.keys().copied(), roles);
                let envelope = signed(&root.unwrap(), &keys.signers(scratch, Role::Root));
                scratch.write("root.json", &envelope);
                envelope
            }
            TrustDocumentKind::Statement => {
                let statement: TrustStatement = parse(texts.statement.as_ref().unwrap());
                let statement = TrustStatement { header: past(&statement.header), ..statement };
                signed(&statement, &keys.signers(scratch, Role::Trust))
            }
            _ => {
                let revocations: Revocations = parse(texts.revocations.as_ref().unwrap());
                let revocations = Revocations { header: past(&revocations.header), ..revocations };
                signed(&revocations, &keys.signers(scratch, Role::Revocation))
            }
        };
        forge(
            scratch,
            &format!(
                "UPDATE trust_documents SET envelope = '{envelope}' WHERE kind = '{kind}' \
                 AND org_id = (SELECT id FROM organizations WHERE name = '{org}')"
            ),
        );
    }
    // It remembers the documents as they were.
    let _ = std::fs::remove_file(scratch.path("root.json.state"));
}

pub(super) fn parse<D: TrustDocument>(text: &str) -> D {
    SignedDocument::<D>::parse(text.as_bytes()).unwrap().unverified().clone()
}

fn past(header: &DocumentHeader) -> DocumentHeader {
    let days_ago =
        |days| StatementTime::new((Utc::now() - TimeDelta::days(days)).trunc_subsecs(0)).unwrap();
    DocumentHeader { issued_at: days_ago(20), expires_at: days_ago(10), ..header.clone() }
}

pub(super) fn signed<D: TrustDocument>(document: &D, keys: &[SigningKey]) -> String {
    let mut signed = SignedDocument::unsigned(document).unwrap();
    keys.iter().for_each(|key| signed.add_signature(key).unwrap());
    signed.to_json()
}

/// Every choice of documents, but none.
fn choices() -> impl Iterator<Item = Vec<TrustDocumentKind>> {
    (1..8).map(|choice: usize| {
        let kinds = TrustDocumentKind::ALL.into_iter().enumerate();
        kinds.filter(|(place, _)| choice & (1 << place) != 0).map(|(_, kind)| kind).collect()
    })
}

/// The command in a printed step, with what somebody gives who has the keys of the role that signs,
/// or all keys.
fn command(next: &str, keys: &Keys, has_all: bool) -> Vec<String> {
    let (said, command) = next.split_once("cloacina ").unwrap();
    let command = command.split(';').next().unwrap();
    let role = Role::ALL.into_iter().find(|role| said.contains(&format!("of the {role} role")));
    let mut signers: VecDeque<_> = keys.that_sign(role.unwrap()).iter().collect();
    let mut named = keys.roles.map(|names| names.iter().collect::<VecDeque<_>>());
    let command = command.replace("<private key>", "<private>").replace("<file>", "root.json");
    let mut words: Vec<String> = Vec::new();
    for word in command.split_whitespace() {
        let word = match (word, words.last().map(String::as_str)) {
            ("<private>", _) => format!("{}.pem", signers.pop_front().unwrap()),
            ("<key>", Some(option)) => {
                let roles = Role::ALL.iter();
                let place = roles.clone().position(|role| option == format!("--{role}-key"));
                let name = named[place.unwrap()].pop_front().unwrap();
                match has_all || signers.contains(&name) {
                    true => format!("{name}.pem"),
                    false => format!("{name}.pub.pem"),
                }
            }
            (word, _) => word.to_owned(),
        };
        words.push(word);
    }
    words.push("--yes".into());
    words
}

/// The steps that a command has printed.
fn steps(run: &Run) -> Vec<String> {
    let steps = run.stderr.lines().filter_map(|line| line.strip_prefix("next: "));
    steps.map(str::to_owned).collect()
}

#[track_caller]
fn assert_renewed_by_the_printed_steps(scratch: &Scratch, keys: &Keys, has_all: bool, of: &str) {
    let refused = verify(scratch);
    refused.assert_failed(1, "TrustDocumentExpired");
    let mut next = vec![text(&refused.document()["error"]["next"])];
    // There are three documents.
    for _ in 0..3 {
        let command = command(&next[0], keys, has_all);
        let run = scratch.run(&command.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(run.code, 0, "{of}: {command:?}: {}", run.stderr);
        next = steps(&run);
        match next.is_empty() {
            true => break,
            // What is left is said, and runners go on refusing.
            false => verify(scratch).assert_failed(1, "TrustDocumentExpired"),
        }
    }
    assert_eq!(verify(scratch).code, 0, "{of}");
    scratch.json(&STATUS);
}

#[test]
fn one_key_renews_whatever_has_expired_by_the_steps_that_are_printed() {
    for kinds in choices() {
        let scratch = ONE.rooted();
        expire(&scratch, "acme", &kinds, &ONE);
        assert_renewed_by_the_printed_steps(&scratch, &ONE, true, &format!("{kinds:?}"));
    }
}

#[test]
fn the_keys_of_each_role_renew_whatever_has_expired_by_the_steps_that_are_printed() {
    for kinds in choices() {
        for (name, keys, has_all) in [
            ("two of three", &TWO_OF_THREE, false),
            ("separate, all in one hand", &SEPARATE, true),
            ("separate", &SEPARATE, false),
        ] {
            let scratch = keys.rooted();
            expire(&scratch, "acme", &kinds, keys);
            let of = format!("{name}, {kinds:?}");
            assert_renewed_by_the_printed_steps(&scratch, keys, has_all, &of);
        }
    }
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn documents_that_have_expired_in_postgres_are_renewed_by_the_steps_that_are_printed() {
    let scratch = filled(Scratch::on_postgres(&["acme"]));
    SEPARATE.init(&scratch);
    expire(&scratch, "acme", &TrustDocumentKind::ALL, &SEPARATE);
    assert_renewed_by_the_printed_steps(&scratch, &SEPARATE, false, "in Postgres");
}

pub(super) const ROTATE: [&str; 12] = [
    "trust",
    "rotate-root",
    "--org",
    "acme",
    ROOT[0],
    ROOT[1],
    "--root-key",
    "root.pem",
    "--root-key",
    "second.pub.pem",
    "--root-key",
    "other.pub.pem",
];

/// Has another person sign a draft, and publishes it.
pub(super) fn cosign_and_publish(scratch: &Scratch) -> Run {
    let cosign = ["trust", "cosign", "draft.json", "--key", "second.pem", "--yes"];
    scratch.json(&[&cosign[..], &ROOT].concat());
    scratch.run(&[&["trust", "publish", "--from", "draft.json", "--yes"][..], &ROOT].concat())
}

#[test]
fn a_draft_for_several_people_renews_what_its_signers_can() {
    let scratch = TWO_OF_THREE.rooted();
    expire(&scratch, "acme", &TrustDocumentKind::ALL, &TWO_OF_THREE);
    let draft = ["--revocation-key", "online.pub.pem", "--yes"];
    let dry_run = scratch.json(&[&ROTATE[..], &draft, &["--dry-run"]].concat());
    let drafted = scratch.json(&[&ROTATE[..], &draft, &["--draft", "draft.json"]].concat());
    for shown in [&dry_run, &drafted] {
        // Those who sign the root document sign statements, too.
        assert_eq!(words(&shown["documents"], "kind"), ["root", "statement"]);
        assert_eq!(words(&shown["expired"], "kind"), ["revocations"]);
    }
    let published = cosign_and_publish(&scratch);
    assert_eq!(published.code, 0, "{}", published.stderr);
    assert!(published.stderr.contains("the revocations document of acme expired"));
    verify(&scratch).assert_failed(1, "TrustDocumentExpired");
    let [next] = &steps(&published)[..] else { panic!("{}", published.stderr) };
    let last = command(next, &TWO_OF_THREE, false);
    scratch.json(&last.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(verify(&scratch).code, 0);
}

#[test]
fn a_draft_of_a_statement_is_published_although_the_revocations_have_expired() {
    let scratch = TWO_OF_THREE.rooted();
    let kinds = [TrustDocumentKind::Statement, TrustDocumentKind::Revocations];
    expire(&scratch, "acme", &kinds, &TWO_OF_THREE);
    let publish = ["trust", "publish", "--org", "acme", ROOT[0], ROOT[1], "--yes", "--key"];
    let draft = ["root.pem", "--draft", "draft.json"];
    let drafted = scratch.json(&[&publish[..], &draft].concat());
    assert_eq!(words(&drafted["expired"], "kind"), ["revocations"]);
    assert_eq!(cosign_and_publish(&scratch).code, 0);
    verify(&scratch).assert_failed(1, "TrustDocumentExpired");
    scratch.json(&[&publish[..], &["online.pem"]].concat());
    assert_eq!(verify(&scratch).code, 0);
}

/// An expired statement counts for nobody. It must not bring back what was revoked meanwhile, for
/// hosts that do not ask the rows.
#[test]
fn an_expired_statement_is_signed_again_without_the_trust_that_rows_have_taken_away() {
    let kinds = [TrustDocumentKind::Root, TrustDocumentKind::Statement];
    let rotate = [&ROTATE[..8], &["--yes"]].concat();
    // Whether the same key has the role afterwards.
    for rotate in [&rotate[..], &[&rotate[..], &["--trust-key", "second.pem"]].concat()[..]] {
        let scratch = ONE.rooted();
        expire(&scratch, "acme", &kinds, &ONE);
        let dry_run = scratch.json(&[rotate, &["--dry-run"]].concat());
        assert_eq!(words(&dry_run["documents"], "kind")[..2], ["root", "statement"]);
        assert_eq!(words(&dry_run["changes"], "change"), [""; 0]);

        scratch.json(&["keys", "deny", "release", "--org", "acme"]);
        let rotated = scratch.json(rotate);
        assert_eq!(words(&rotated["changes"], "change"), ["drops_key", "denies_key"]);
        scratch.json(&STATUS);
        scratch.json(&EXPORT);
        verify_by(&scratch, "bundle.json").assert_failed(1, "UntrustedSigner");
    }
}

#[test]
fn a_draft_that_brings_back_what_rows_have_taken_away_meanwhile_is_not_published() {
    let kinds = [TrustDocumentKind::Root, TrustDocumentKind::Statement];
    for is_denied in [true, false] {
        let scratch = TWO_OF_THREE.rooted();
        expire(&scratch, "acme", &kinds, &TWO_OF_THREE);
        let draft = ["--revocation-key", "online.pub.pem", "--yes", "--draft", "draft.json"];
        scratch.json(&[&ROTATE[..], &draft].concat());
        if is_denied {
            scratch.json(&["keys", "deny", "release", "--org", "acme"]);
        }
        let published = cosign_and_publish(&scratch);
        match is_denied {
            true => {
                let outdated =
                    published.stderr.contains("the draft gives trust that was taken away");
                assert!(published.code == 1 && outdated, "{}", published.stderr);
            }
            false => assert_eq!(published.code, 0, "{}", published.stderr),
        }
    }
}

#[test]
fn a_revocation_is_published_although_the_statement_has_expired_and_says_so() {
    let scratch = TWO_OF_THREE.rooted();
    expire(&scratch, "acme", &[TrustDocumentKind::Statement], &TWO_OF_THREE);
    let deny = ["keys", "deny", "release", "--org", "acme", "--publish", "online.pem"];
    let denied = scratch.run(&[&deny[..], &ROOT].concat());
    assert_eq!(denied.code, 0, "{}", denied.stderr);
    assert!(denied.stderr.contains("the statement document of acme expired"), "{}", denied.stderr);
    assert!(denied.stderr.contains("2 keys of the trust role"), "{}", denied.stderr);
}

#[test]
fn status_doctor_and_export_name_the_command_that_renews_each_document() {
    let scratch = SEPARATE.rooted();
    let doctor = ["doctor", ROOT[0], ROOT[1]];
    scratch.json(&STATUS);
    expire(&scratch, "acme", &TrustDocumentKind::ALL, &SEPARATE);
    let rotate = "trust rotate-root --org acme --trust-root root.json --root-key <key> \
                  --root-key <key> --root-key <key> --trust-key <key> --revocation-key <key>";
    let publish = "trust publish --org acme --trust-root root.json --key <private key>";
    let status = scratch.run(&STATUS);
    for said in [
        rotate,
        &format!("1 key of the trust role: cloacina {publish}"),
        &format!("1 key of the revocation role: cloacina {publish}"),
    ] {
        assert!(status.stderr.contains(said), "{said}: {}", status.stderr);
        let text = scratch.run(&doctor).stdout.replace("\n    ", " ");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(said), "{said}: {text}");
    }
    let export = scratch.fails(1, "TrustDocumentExpired", &EXPORT);
    assert!(export.stderr.contains("root.json"), "{}", export.stderr);
}
