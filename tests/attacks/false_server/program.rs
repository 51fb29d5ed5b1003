//! While the database server is down, somebody else listens where it was.
//!
//! What a false server can do within SCRAM is tried through the library, in
//! `library.rs` beside this file.

use std::fs::{Permissions, set_permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::support::{Run, Scratch, finish};

const PASSWORD: &str = "open-sesame";

/// Authentication messages: its tag, its length, and what is asked for.
const LET_IN: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
const ASKS_FOR_CLEAR_TEXT: &[u8] = b"R\0\0\0\x08\0\0\0\x03";
const ASKS_FOR_MD5: &[u8] = b"R\0\0\0\x0c\0\0\0\x05salt";

/// Far longer than a client that answers would take.
const LIMIT: Duration = Duration::from_secs(30);

/// Answers a client with these bytes, and ends; gives what the client has sent.
fn serve(mut client: impl Read + Write, answer: &[u8]) -> Vec<u8> {
    let mut heard = Vec::new();
    for answer in [answer, b""] {
        let mut bytes = [0; 4096];
        let length = client.read(&mut bytes).unwrap_or_default();
        heard.extend_from_slice(&bytes[..length]);
        let _ = client.write_all(answer);
    }
    heard
}

fn contains(heard: &[u8], text: &str) -> bool {
    heard.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Runs the program on a store behind a false server; gives also what that has heard.
fn ask(scratch: &Scratch, answer: &'static [u8], parameters: &str) -> (Run, Vec<u8>) {
    let directory = scratch.path("run");
    std::fs::create_dir_all(&directory).unwrap();
    let socket = directory.join(".s.PGSQL.5432");
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind(socket).unwrap();
    let (told, hears) = mpsc::channel();
    thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        client.set_read_timeout(Some(LIMIT)).unwrap();
        told.send(serve(client, answer)).unwrap();
    });
    let host = directory.to_str().unwrap().replace('/', "%2F");
    let url = format!("postgres://ann:{PASSWORD}@{host}/trust?{parameters}");
    let mut command = scratch.command(&["package", "verify", "a.so", "--org", "acme", "--json"]);
    let run = finish(command.env("CLOACINA_DATABASE_URL", url), b"");
    (run, hears.recv_timeout(LIMIT).unwrap())
}

/// Who chooses the certificates chooses the server.
#[test]
fn certificates_that_others_could_have_chosen_prove_no_server() {
    let scratch = Scratch::new();
    scratch.write("a.so", "the bytes of a.so");
    let mut make = scratch.tool("openssl");
    make.args(["req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=authority"]);
    make.args(["-keyout", "ca.key", "-out", "ca.pem"]);
    assert_eq!(finish(&mut make, b"").code, 0);
    let verify = |variables: &[(&str, &str)]| {
        let mut command =
            scratch.command(&["--json", "package", "verify", "a.so", "--org", "acme"]);
        command.env("CLOACINA_DATABASE_URL", "postgres://ann@127.0.0.1:1/trust");
        command.envs(variables.iter().map(|(name, path)| (name, scratch.path(path))));
        finish(&mut command, b"")
    };
    let set_mode = |mode| {
        set_permissions(scratch.path("ca.pem"), Permissions::from_mode(mode)).unwrap();
    };
    set_mode(0o666);
    verify(&[("SSL_CERT_FILE", "ca.pem")]).assert_failed(2, "InvalidRootCertificates");
    verify(&[("SSL_CERT_DIR", "")]).assert_failed(2, "InvalidRootCertificates");
    set_mode(0o644);
    verify(&[("SSL_CERT_FILE", "ca.pem")]).assert_failed(2, "DatabaseNotListening");
    let both = [("SSL_CERT_FILE", "ca.pem"), ("SSL_CERT_DIR", "")];
    verify(&both).assert_failed(2, "DatabaseNotListening");
}

#[test]
fn program_gives_no_password_to_a_server_that_does_not_complete_scram() {
    let scratch = Scratch::new();
    scratch.write("a.so", "the bytes of a.so");
    let us = rustix::process::geteuid().as_raw();
    let peer = format!("requirepeer={us}");
    for answer in [LET_IN, ASKS_FOR_CLEAR_TEXT, ASKS_FOR_MD5] {
        let (run, heard) = ask(&scratch, answer, &peer);
        run.assert_failed(2, "DatabaseNotAuthenticated");
        run.assert_says_nowhere(PASSWORD);
        for text in [PASSWORD, "md5", "SET "] {
            assert!(!contains(&heard, text), "{text}: {}", String::from_utf8_lossy(&heard));
        }
    }
    // One that is to let everybody in is asked, and still gets no password.
    let (_, heard) = ask(&scratch, LET_IN, &format!("{peer}&require_auth=none"));
    assert!(contains(&heard, "SET ") && !contains(&heard, PASSWORD));
}
