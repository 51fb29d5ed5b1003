//! Keys in an ssh-agent: OpenSSH's own, and some that lie.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::thread;

use super::{assert_not_signed, assert_signed_by, tool};
use crate::support::{NOBODY, Run, Scratch, as_nobody, finish, kill, spawn, text};

/// An `ssh-agent` of the test's own, which ends with it.
struct Agent(Child);

impl Agent {
    fn start(scratch: &Scratch) -> Self {
        let mut command = scratch.tool("ssh-agent");
        command.args(["-D", "-a"]).arg(scratch.path("agent"));
        Self::of(command)
    }

    fn of(mut command: Command) -> Self {
        let mut child = spawn(command.stdout(Stdio::piped()).stderr(Stdio::null()));
        // It says where it listens when it does.
        let mut first = [0; 1];
        child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
        Self(child)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        kill(&self.0);
        let _ = self.0.wait();
    }
}

fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("a.so", "a");
    scratch
}

/// Makes a key of OpenSSH in `<name>` and `<name>.pub`, with its name as comment.
fn ssh_key(scratch: &Scratch, name: &str, algorithm: &str) {
    tool(scratch, "ssh-keygen", &["-q", "-t", algorithm, "-N", "", "-C", name, "-f", name]);
}

/// Puts a key into the agent, and leaves no private key in a file.
fn add_key(scratch: &Scratch, name: &str, options: &[&str]) {
    ssh_key(scratch, name, "ed25519");
    ssh_add(scratch, &[options, &[name]].concat());
    std::fs::remove_file(scratch.path(name)).unwrap();
}

fn ssh_add(scratch: &Scratch, arguments: &[&str]) {
    let run = finish(with_agent(scratch, scratch.tool("ssh-add").args(arguments)), b"");
    assert_eq!(run.code, 0, "ssh-add {arguments:?}: {}", run.stderr);
}

fn with_agent<'a>(scratch: &Scratch, command: &'a mut Command) -> &'a mut Command {
    command.env("SSH_AUTH_SOCK", scratch.path("agent"))
}

fn run(scratch: &Scratch, arguments: &[&str]) -> Run {
    finish(with_agent(scratch, scratch.command(arguments).arg("--json")), b"")
}

fn sign(scratch: &Scratch, key: &str) -> Run {
    run(scratch, &["package", "sign", "a.so", "--key", key])
}

/// OpenSSH's public key, as the PEM file `<name>.pub.pem`; gives cloacina's fingerprint.
fn public_pem(scratch: &Scratch, name: &str) -> String {
    let file = format!("{name}.pub");
    let pem = openssh_to_pem(&scratch.read(&file));
    scratch.write(&format!("{name}.pub.pem"), pem.to_pem());
    pem.fingerprint().to_string()
}

fn openssh_to_pem(line: &[u8]) -> signing_crypto::VerifyingKey {
    use base64::Engine;
    let line = std::str::from_utf8(line).unwrap();
    let blob = line.split(' ').nth(1).unwrap();
    let blob = base64::engine::general_purpose::STANDARD.decode(blob).unwrap();
    signing_crypto::VerifyingKey::from_slice(&blob[blob.len() - 32..]).unwrap()
}

/// What `ssh-add -l` calls the key.
fn openssh_fingerprint(scratch: &Scratch, name: &str) -> String {
    let listed = tool(scratch, "ssh-keygen", &["-l", "-f", &format!("{name}.pub")]);
    listed.split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn a_key_in_an_agent_signs_by_its_comment_and_by_both_fingerprints() {
    let scratch = scratch();
    let _agent = Agent::start(&scratch);
    for name in ["other", "release"] {
        add_key(&scratch, name, &[]);
    }
    let fingerprint = public_pem(&scratch, "release");
    let names =
        ["release".to_owned(), openssh_fingerprint(&scratch, "release"), fingerprint[..8].into()];
    for name in names {
        let signed = sign(&scratch, &format!("agent:{name}"));
        assert_eq!(signed.code, 0, "{name}: {}", signed.stderr);
        assert_signed_by(&scratch, "release.pub.pem");
        std::fs::remove_file(scratch.path("a.so.sig")).unwrap();
    }
}

#[test]
fn a_key_in_an_agent_signs_beside_another_and_again_does_nothing() {
    let scratch = scratch();
    let _agent = Agent::start(&scratch);
    add_key(&scratch, "release", &[]);
    public_pem(&scratch, "release");
    scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    for outcome in ["added", "already_signed"] {
        let signed = sign(&scratch, "agent:release");
        assert_eq!(signed.document()["result"][0]["outcome"], outcome);
    }
    scratch.json(&["package", "verify", "a.so", "--trust-key", "release.pub.pem"]);
    scratch.json(&["package", "verify", "a.so", "--trust-key", "dev.pub.pem"]);
}

#[test]
fn keys_in_an_agent_sign_trust_documents_checkpoints_and_revocations() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.write("a.so", "a");
    let _agent = Agent::start(&scratch);
    for name in ["root", "online"] {
        add_key(&scratch, name, &[]);
    }
    let must = |arguments: &[&str]| {
        let done = run(&scratch, arguments);
        assert_eq!(done.code, 0, "{arguments:?}: {}", done.stderr);
        done.document()["result"].clone()
    };
    let root = ["--trust-root", "root.json"];
    must(&[
        "trust",
        "init",
        "--org",
        "acme",
        "--root-key",
        "agent:root",
        "--revocation-key",
        "agent:online",
        "--root-output",
        "root.json",
        "--yes",
    ]);
    let stranger = scratch.key_files("stranger");
    must(&["keys", "trust", "--org", "acme", "--import", "stranger.pub.pem"]);
    let publish = ["trust", "publish", "--org", "acme", "--key", "agent:root", "--yes"];
    must(&[&publish[..], &root].concat());
    let deny = ["keys", "deny", &stranger, "--org", "acme", "--publish", "agent:online"];
    must(&[&deny[..], &root].concat());
    let rotate = ["trust", "rotate-root", "--org", "acme", "--key", "agent:root", "--root-key"];
    let revocation = ["--revocation-key", "agent:online"];
    must(&[&rotate[..], &["agent:online", "--yes"], &revocation, &root].concat());

    let fingerprint = public_pem(&scratch, "root");
    let checkpoint =
        must(&["audit", "checkpoint", "--org", "acme", "--key", "agent:root", "--output", "log"]);
    assert_eq!(checkpoint["signer"], fingerprint);
    must(&["audit", "verify", "--checkpoint", "log", "--trust-key", "root.pub.pem"]);
}

#[test]
fn a_key_that_the_agent_has_not_twice_or_for_another_algorithm_is_refused() {
    let scratch = scratch();
    let _agent = Agent::start(&scratch);
    assert_not_signed(&scratch, &sign(&scratch, "agent:release"), "NoSuchKey");
    ssh_key(&scratch, "legacy", "ecdsa");
    ssh_add(&scratch, &["legacy"]);
    let run = sign(&scratch, "agent:legacy");
    assert_not_signed(&scratch, &run, "UnfitKey");
    assert!(run.stderr.contains("ecdsa-sha2-nistp256"), "{}", run.stderr);
    for file in ["one", "two"] {
        tool(&scratch, "ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "same", "-f", file]);
        ssh_add(&scratch, &[file]);
    }
    assert_not_signed(&scratch, &sign(&scratch, "agent:same"), "AmbiguousKey");
    let one = openssh_fingerprint(&scratch, "one");
    assert_eq!(sign(&scratch, &format!("agent:{one}")).code, 0);
}

#[test]
fn a_key_whose_use_nobody_allows_signs_nothing() {
    let scratch = scratch();
    let _agent = Agent::start(&scratch);
    // Its use needs a consent that nobody here can give.
    add_key(&scratch, "release", &["-c"]);
    assert_not_signed(&scratch, &sign(&scratch, "agent:release"), "SignerRefused");
    ssh_add(&scratch, &["-D"]);
    add_key(&scratch, "again", &[]);
    assert_eq!(sign(&scratch, "agent:again").code, 0);
}

#[test]
fn without_an_agent_nothing_is_signed() {
    let scratch = scratch();
    let unset = super::sign(&scratch, "agent:release");
    assert_not_signed(&scratch, &unset, "SignerUnavailable");
    assert!(unset.stderr.contains("SSH_AUTH_SOCK is not set"), "{}", unset.stderr);
    // Nothing listens there.
    assert_not_signed(&scratch, &sign(&scratch, "agent:release"), "SignerUnavailable");
    drop(UnixListener::bind(scratch.path("agent")).unwrap());
    assert_not_signed(&scratch, &sign(&scratch, "agent:release"), "SignerUnavailable");
}

/// Where no key is expected, the agent would choose it.
#[test]
fn an_agent_of_another_user_is_asked_for_nothing() {
    let scratch = scratch();
    std::fs::create_dir(scratch.path("theirs")).unwrap();
    for (path, mode) in [("", 0o755), ("theirs", 0o777)] {
        std::fs::set_permissions(scratch.path(path), Permissions::from_mode(mode)).unwrap();
    }
    let mut theirs = scratch.tool("ssh-agent");
    theirs.args(["-D", "-a"]).arg(scratch.path("theirs/agent"));
    let _agent = Agent::of(as_nobody(&theirs));

    let sign = ["package", "sign", "a.so", "--key", "agent:release", "--json"];
    let mut command = scratch.command(&sign);
    let run = finish(command.env("SSH_AUTH_SOCK", scratch.path("theirs/agent")), b"");
    assert_not_signed(&scratch, &run, "UnprotectedFile");
    assert!(run.stderr.contains(&NOBODY.to_string()), "{}", run.stderr);

    let _own = Agent::start(&scratch);
    add_key(&scratch, "release", &[]);
    assert_eq!(self::sign(&scratch, "agent:release").code, 0);
}

#[test]
fn an_agent_needs_a_key_to_be_named() {
    let scratch = scratch();
    let run = sign(&scratch, "agent:");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("ssh-add -l"), "{}", run.stderr);
    // A file of that name is named by a path.
    scratch.key_files("dev");
    std::fs::rename(scratch.path("dev.pem"), scratch.path("agent:dev")).unwrap();
    assert_not_signed(&scratch, &sign(&scratch, "agent:dev"), "SignerUnavailable");
    assert_eq!(sign(&scratch, "./agent:dev").code, 0);
}

/// Answers each request on a thread of its own, until the test ends.
fn lying_agent(scratch: &Scratch, answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) {
    let listener = UnixListener::bind(scratch.path("agent")).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = read_message(&mut stream);
            // The program may have gone.
            let _ = stream.write_all(&answer(&request));
        }
    });
}

fn read_message(stream: &mut UnixStream) -> Vec<u8> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut request = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut request).unwrap();
    request
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    string(&[&[kind], content].concat())
}

/// One Ed25519 key named `release`.
fn identities() -> Vec<u8> {
    let key = signing_crypto::SigningKey::generate().unwrap().verifying_key();
    let blob = [string(b"ssh-ed25519"), string(key.as_bytes())].concat();
    message(12, &[vec![0, 0, 0, 1], string(&blob), string(b"release")].concat())
}

fn signature(bytes: &[u8]) -> Vec<u8> {
    message(14, &string(&[string(b"ssh-ed25519"), string(bytes)].concat()))
}

#[test]
fn an_agent_that_lies_writes_nothing() {
    type Answer = fn() -> Vec<u8>;
    let answers: [(&str, Answer, &str); 7] = [
        ("zeros", || signature(&[0; 64]), "WrongSignature"),
        ("too short", || signature(&[0; 63]), "MalformedSignerAnswer"),
        ("of another type", || message(6, b""), "MalformedSignerAnswer"),
        ("empty", || string(b""), "MalformedSignerAnswer"),
        ("endless", || u32::MAX.to_be_bytes().to_vec(), "MalformedSignerAnswer"),
        ("a refusal", || message(5, b""), "SignerRefused"),
        ("nothing", Vec::new, "SignerUnavailable"),
    ];
    for (what, answer, code) in answers {
        let scratch = scratch();
        let held = identities();
        lying_agent(&scratch, move |request| match request[0] {
            11 => held.clone(),
            _ => answer(),
        });
        let run = sign(&scratch, "agent:release");
        assert_eq!(text(&run.document()["error"]["code"]), code, "{what}");
        assert_not_signed(&scratch, &run, code);
    }
}

#[test]
fn an_agent_that_hangs_is_not_waited_for() {
    let scratch = scratch();
    let held = identities();
    lying_agent(&scratch, move |request| match request[0] {
        11 => held.clone(),
        _ => loop {
            thread::park();
        },
    });
    let sign = ["package", "sign", "a.so", "--key", "agent:release", "--signer-timeout", "1"];
    assert_not_signed(&scratch, &run(&scratch, &sign), "SignerTimedOut");
    let sign = ["package", "sign", "a.so", "--key", "agent:release", "--signer-timeout", "0"];
    assert!(run(&scratch, &sign).stderr.contains("1 to 3600"));
}
