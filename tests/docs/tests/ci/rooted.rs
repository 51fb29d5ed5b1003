//! The pipelines that verify from a pinned root, with keys in each of their forms.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::platform::{Platform, parse};

/// In the place of the container engine: it runs what the image would, where it is, and accepts
/// only what keeps the image apart and names it by digest.
const ENGINE: &str = r#"#!/bin/sh
set -eu
shift
network=all writes=yes rights=all
while [ "$#" -gt 0 ]; do
  case $1 in
    --network) network=$2; shift ;;
    --read-only) writes=no ;;
    --cap-drop) rights=none; shift ;;
    --security-opt | --user | --tmpfs | --volume) shift ;;
    --env) case $2 in SSH_AUTH_SOCK=/agent) : ;; *=*) exit 98 ;; esac; shift ;;
    --rm | --interactive) ;;
    -*) echo "unknown option $1" >&2; exit 97 ;;
    *) break ;;
  esac
  shift
done
[ "$network $writes $rights" = 'none no none' ] || { echo 'not kept apart' >&2; exit 96; }
case $1 in *@sha256:*) shift ;; *) echo "no digest: $1" >&2; exit 95 ;; esac
exec cloacina "$@"
"#;

/// Signs as the guide's program does, with the key in `plain.pem`.
const PROGRAM: &str = "#!/bin/sh
case $1 in
public-key) exec openssl pkey -in KEY -pubout ;;
sign) cat >message && exec openssl pkeyutl -sign -rawin -inkey KEY -in message ;;
*) exit 2 ;;
esac
";

impl Platform {
    /// A platform whose repository pins the root of an organization that trusts the key.
    pub(super) fn rooted() -> Self {
        let platform = Self::new();
        platform.program("docker", ENGINE);
        platform.trust_from_a_root("ci.pub.pem");
        platform
    }

    /// Has the organization of the pinned root trust this key, and no other.
    pub(super) fn trust_from_a_root(&self, public: &str) {
        let public = match public {
            "ci.pub.pem" => self.path("repository/trusted-keys/ci.pub.pem"),
            other => self.path(other),
        };
        let steps = format!(
            "rm -rf store root.* && mkdir -p store repository/trust
             cloacina orgs create acme
             cloacina keys trust --org acme --import '{}'
             cloacina keys generate --name root --output root.pem
             cloacina trust init --org acme --root-key root.pem --root-output root.json --yes
             cloacina trust export --org acme --trust-root root.json --output bundle.json --force
             mv root.json bundle.json repository/trust/",
            public.display()
        );
        let store = self.path("store/cloacina.db").display().to_string();
        let environment = BTreeMap::from([("CLOACINA_DATABASE_URL".into(), store)]);
        self.shell("sh", &self.path(""), &steps, &environment)
            .unwrap_or_else(|said| panic!("{said}"));
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.path("bin").join(name);
        fs::create_dir_all(self.path("bin")).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }

    /// A key without a passphrase, which only a program reads, and that is trusted.
    pub(super) fn with_program(&self) -> String {
        let make = "cloacina keys generate --name plain --output plain.pem";
        self.shell("sh", &self.path(""), make, &BTreeMap::new()).unwrap();
        self.trust_from_a_root("plain.pub.pem");
        let key = self.path("plain.pem").display().to_string();
        self.program("kms-sign", &PROGRAM.replace("KEY", &key));
        format!("exec:{}", self.path("bin/kms-sign").display())
    }

    /// The same in an ssh-agent, which ends with the returned value.
    pub(super) fn with_agent(&mut self) -> Agent {
        let make = "ssh-keygen -q -t ed25519 -N '' -C release -f plain";
        self.shell("sh", &self.path(""), make, &BTreeMap::new()).unwrap();
        self.trust_from_a_root("plain.pub");
        let socket = self.path("agent").display().to_string();
        let agent = Command::new("ssh-agent").args(["-D", "-a", &socket]).spawn().unwrap();
        let agent = Agent(agent);
        self.give("SSH_AUTH_SOCK", &socket);
        // The agent listens when its socket answers.
        let wait = "until ssh-add -q plain 2>/dev/null; do kill -0 \"$AGENT\" || exit 1; done";
        let id = BTreeMap::from([("AGENT".to_owned(), agent.0.id().to_string())]);
        self.shell("sh", &self.path(""), wait, &id).unwrap();
        agent
    }
}

/// An ssh-agent of a test's own.
pub(super) struct Agent(std::process::Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn github_signs_and_verifies_from_a_pinned_root() {
    let platform = Platform::rooted();
    platform.github("github-rooted.yml").unwrap();
    assert!(platform.has_artifact("signed-package"));
}

#[test]
fn github_does_not_hand_on_what_the_pinned_root_does_not_trust() {
    let platform = Platform::rooted();
    platform.generate("other");
    platform.trust_from_a_root("ci.pub.pem");
    let said = platform.github("github-rooted.yml").unwrap_err();
    assert!(said.contains("is not trusted"), "{said}");
    assert!(!platform.has_artifact("signed-package"));
}

#[test]
fn github_signs_with_a_key_in_an_agent() {
    let mut platform = Platform::rooted();
    let _agent = platform.with_agent();
    platform.secrets.insert("CLOACINA_SIGNING_KEY", "agent:release".into());
    platform.github("github-rooted.yml").unwrap();
    platform.secrets.insert("CLOACINA_SIGNING_KEY", "agent:other".into());
    let said = platform.github("github-rooted.yml").unwrap_err();
    assert!(said.contains("other"), "{said}");
}

#[test]
fn gitlab_signs_with_a_key_file_and_verifies_from_a_pinned_root() {
    let platform = Platform::rooted();
    for job in ["build", "sign"] {
        platform.gitlab_of("gitlab-rooted.yml", job).unwrap();
    }
    assert!(platform.has_artifact("sign"));
}

#[test]
fn gitlab_signs_with_a_program() {
    let mut platform = Platform::rooted();
    let key = platform.with_program();
    platform.secrets.insert("CLOACINA_KEY", key);
    for job in ["build", "sign"] {
        platform.gitlab_of("gitlab-rooted.yml", job).unwrap();
    }
    assert!(platform.has_artifact("sign"));
}

#[test]
fn gitlab_does_not_hand_on_what_the_pinned_root_does_not_trust() {
    let platform = Platform::rooted();
    platform.generate("other");
    platform.trust_from_a_root("ci.pub.pem");
    platform.gitlab_of("gitlab-rooted.yml", "build").unwrap();
    let said = platform.gitlab_of("gitlab-rooted.yml", "sign").unwrap_err();
    assert!(said.contains("is not trusted"), "{said}");
    assert!(!platform.has_artifact("sign"));
}

#[test]
fn every_image_of_ours_is_named_by_digest() {
    let placeholder = "@sha256:PUT_THE_DIGEST_FROM_BUILD_JSON_HERE";
    for step in parse("github-action.yml")["runs"]["steps"].as_vec().unwrap() {
        assert!(step["env"]["IMAGE"].as_str().unwrap().ends_with(placeholder));
    }
    let image = &parse("gitlab-rooted.yml")["sign"]["image"]["name"];
    assert!(image.as_str().unwrap().ends_with(placeholder));
}
