//! That the files in `docs/examples/signed-trust/`, which the specification shows, are what the
//! code makes.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use signing_crypto::{
    MalformedTrustDocument, Revocations, RootChainError, RootDocument, SignedDocument,
    ThresholdNotMet, TrustBundle, TrustDocument, TrustStatement, VerifiedRoot,
};

use crate::example::{
    ACME_REVOCATION_KEYS, ACME_TRUST_KEYS, acme_revocations, acme_root_1, acme_root_2,
    acme_statement, bundle, key, signed,
};

/// Set, the files are written rather than compared.
const WRITE: &str = "CLOACINA_WRITE";

/// The files in the order of the page. A payload is indented for reading; the envelope holds
/// it without white space.
fn files() -> Vec<(&'static str, String)> {
    let acme_root_1 = signed(&acme_root_1(), &[1, 2]).to_json();
    let statement = signed(&acme_statement(), &ACME_TRUST_KEYS).to_json();
    vec![
        ("keys.txt", keys()),
        ("root-1.payload.json", indented(&crate::example::acme_root_1().to_json())),
        ("root-1.json", acme_root_1),
        ("root-2.json", signed(&acme_root_2(), &[1, 2]).to_json()),
        ("statement.payload.json", indented(&acme_statement().to_json())),
        ("statement.json", statement),
        ("revocations.payload.json", indented(&acme_revocations().to_json())),
        ("revocations.json", signed(&acme_revocations(), &ACME_REVOCATION_KEYS).to_json()),
        ("bundle.json", bundle().to_json().expect("the envelopes are JSON")),
    ]
}

pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/signed-trust")
}

pub(crate) fn read(file: &str) -> String {
    let path = directory().join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn examples_are_byte_for_byte_what_the_code_makes() {
    for (name, content) in files() {
        let content = format!("{}\n", content.trim_end());
        if std::env::var_os(WRITE).is_some() {
            fs::write(directory().join(name), &content).unwrap();
        }
        assert_eq!(read(name), content, "{name}: {WRITE}=1 writes it");
    }
}

#[test]
fn specification_shows_every_example() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/content/explanation/signed-trust.md");
    let page = fs::read_to_string(page).unwrap();
    let others = [("verify.py", String::new())];
    for (name, _) in files().into_iter().chain(others) {
        let shown = format!("{{{{#include ../../examples/signed-trust/{name}}}}}");
        assert_eq!(page.matches(&shown).count(), 1, "{name}");
    }
}

#[test]
fn payloads_that_are_shown_are_those_that_were_signed() {
    for name in ["root-1", "statement", "revocations"] {
        let shown = read(&format!("{name}.payload.json"));
        let shown: String = shown.split_ascii_whitespace().collect();
        let envelope: serde_json::Value =
            serde_json::from_str(&read(&format!("{name}.json"))).unwrap();
        let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
        assert_eq!(shown.as_bytes(), payload, "{name}");
    }
}

#[test]
fn examples_verify_and_none_does_with_another_letter() {
    let envelopes = ["root-1.json", "root-2.json", "statement.json", "revocations.json"].map(read);
    verify(&envelopes).unwrap();
    for at in 0..envelopes.len() {
        let mut changed = envelopes.clone();
        let position = changed[at].find("\"sig\":\"").unwrap() + 9;
        let other = if changed[at].as_bytes()[position] == b'A' { "B" } else { "A" };
        changed[at].replace_range(position..=position, other);
        let refused = verify(&changed).unwrap_err();
        let is_expected = match refused.downcast_ref() {
            // Its predecessor's keys must have signed it, too.
            Some(RootChainError::Predecessor(_)) => at == 1,
            _ => refused.is::<ThresholdNotMet>(),
        };
        assert!(is_expected, "{at}: {refused:?}");
    }
}

#[test]
fn bundle_holds_the_envelopes_that_are_shown() {
    let text = read("bundle.json");
    assert_eq!(TrustBundle::parse(text.as_bytes()).unwrap(), bundle());
    for name in ["root-1.json", "root-2.json", "statement.json", "revocations.json"] {
        assert_eq!(text.matches(read(name).trim_end()).count(), 1, "{name}");
    }
}

/// Verifies the two root documents, the statement and the revocations.
fn verify(envelopes: &[String; 4]) -> Result<(), Box<dyn std::error::Error>> {
    fn parse<D: TrustDocument>(text: &str) -> Result<SignedDocument<D>, MalformedTrustDocument> {
        SignedDocument::parse(text.as_bytes())
    }
    let [first, second, statement, revocations] = envelopes;
    let root = VerifiedRoot::pinned(&parse::<RootDocument>(first)?)?;
    let root = root.followed_by(&parse(second)?)?;
    root.verify(&parse::<TrustStatement>(statement)?)?;
    root.verify(&parse::<Revocations>(revocations)?)?;
    Ok(())
}

/// The keys of the examples: seed, public key and fingerprint.
fn keys() -> String {
    let line = |fill: &u8| {
        let public = key(*fill).verifying_key();
        let public_key = STANDARD.encode(public.as_bytes());
        format!("{fill:02x}  {public_key}\n    {}\n", public.fingerprint())
    };
    let all = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x11, 0x20, 0x21, 0x22, 0x30];
    all.iter().map(line).collect()
}

/// JSON without white space, with a line for each value.
fn indented(json: &str) -> String {
    let mut text = String::new();
    let (mut depth, mut in_string) = (0, false);
    let mut characters = json.chars().peekable();
    let line = |depth: usize| format!("\n{}", "  ".repeat(depth));
    while let Some(character) = characters.next() {
        in_string ^= character == '"';
        match character {
            _ if in_string => text.push(character),
            '{' | '[' if matches!(characters.peek(), Some('}' | ']')) => text.push(character),
            '{' | '[' => {
                depth += 1;
                text.push(character);
                text += &line(depth);
            }
            '}' | ']' if text.ends_with(['{', '[']) => text.push(character),
            '}' | ']' => {
                depth -= 1;
                text += &line(depth);
                text.push(character);
            }
            ',' => {
                text.push(character);
                text += &line(depth);
            }
            ':' => text += ": ",
            _ => text.push(character),
        }
    }
    text
}
