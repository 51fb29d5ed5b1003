use super::*;

fn good() -> String {
    SignatureEnvelope::sign(&statement(), &key(1)).to_json()
}

#[test]
fn a_flipped_bit_never_verifies_another_statement() {
    let (text, public) = (good(), key(1).verifying_key());
    let value_of = |field: &str| {
        let start = text.find(field).unwrap() + field.len();
        start..start + text[start..].find('"').unwrap()
    };
    let signed =
        [value_of("\"payloadType\":\""), value_of("\"payload\":\""), value_of("\"sig\":\"")];
    let mut accepted = 0;
    for bit in 0..text.len() * 8 {
        let mut bytes = text.clone().into_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let Ok(envelope) = SignatureEnvelope::parse(&bytes) else { continue };
        if let Ok(verified) = envelope.verify(&public) {
            assert_eq!(verified.statement(), &statement(), "bit {bit}");
            let inside = signed.iter().any(|range| range.contains(&(bit / 8)));
            assert!(!inside, "bit {bit} is in a signed value or a signature");
            accepted += 1;
        }
    }
    // A keyid that is no longer valid counts as absent.
    assert!((64..=1024).contains(&accepted), "{accepted}");
}

#[test]
fn truncation_at_every_length_is_malformed() {
    let text = good();
    assert!(matches!(malformed(b""), MalformedEnvelope::Empty));
    for length in 1..text.len() {
        let fault = malformed(&text.as_bytes()[..length]);
        assert!(is_envelope_json(&fault), "{length} bytes: {fault}");
    }
}

#[test]
fn white_space_around_the_json_is_allowed() {
    let text = good();
    for variant in [format!("{text}\n"), format!(" \r\n\t{text}"), format!("{text}   \r\n\n")] {
        assert_eq!(parse(&variant), parse(&text));
    }
}

#[test]
fn anything_else_around_the_json_is_malformed() {
    let text = good();
    for variant in [
        format!("\u{feff}{text}"),
        format!("\u{a0}{text}"),
        format!("{text}\0"),
        format!("{text}{text}"),
        format!("{text}\n{{}}"),
        format!("{text}x"),
        format!("// signed\n{text}"),
        "null".to_owned(),
        " ".to_owned(),
    ] {
        let fault = malformed(variant.as_bytes());
        assert!(is_envelope_json(&fault), "{variant:?}: {fault}");
    }
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(is_envelope_json(&malformed(&wide)));
}

#[test]
fn anything_around_the_signed_json_is_malformed() {
    let payload = statement().to_json();
    for variant in [
        String::new(),
        format!("\u{feff}{payload}"),
        format!("{payload}{payload}"),
        format!("{payload}\0"),
        payload[..payload.len() - 1].to_owned(),
    ] {
        let fault = fault_of_signed(PAYLOAD_TYPE, variant.as_bytes());
        assert!(is_statement_json(&fault), "{variant:?}: {fault}");
    }
    let not_utf8 = payload.replace("libworkflow", "lib\u{1}").into_bytes();
    let not_utf8: Vec<u8> = not_utf8.into_iter().map(|b| if b == 1 { 0xff } else { b }).collect();
    assert!(is_statement_json(&fault_of_signed(PAYLOAD_TYPE, &not_utf8)));
}

#[test]
fn more_than_64_kib_is_refused_and_64_kib_is_not() {
    let mut text = good();
    text.push_str(&" ".repeat(MAX_ENVELOPE_SIZE - text.len()));
    assert!(parse(&text).verify(&key(1).verifying_key()).is_ok());
    text.push(' ');
    assert!(matches!(
        malformed(text.as_bytes()),
        MalformedEnvelope::TooLarge { limit: MAX_ENVELOPE_SIZE }
    ));
}

#[test]
fn files_of_other_tools_are_named() {
    for (bytes, expected) in [
        (&b"-----BEGIN PGP SIGNATURE-----\n\niHUEABYK"[..], ForeignFormat::Pgp),
        (b"-----BEGIN PGP SIGNED MESSAGE-----\n", ForeignFormat::Pgp),
        (b"\x88\x75\x04\x00\x16\x0a", ForeignFormat::Pgp),
        (b"-----BEGIN SSH SIGNATURE-----\nU1NIU0lH", ForeignFormat::SshSig),
        (b"untrusted comment: signature from minisign secret key\nRUR", ForeignFormat::Minisign),
        (b"-----BEGIN PUBLIC KEY-----\nMCow", ForeignFormat::Pem),
        (b"-----BEGIN PRIVATE KEY-----\nMC4C", ForeignFormat::Pem),
        (b"-----BEGIN CERTIFICATE-----\nMIIB", ForeignFormat::Pem),
        (b"\x7fELF\x02\x01\x01\0", ForeignFormat::Elf),
    ] {
        let fault = malformed(bytes);
        assert!(
            matches!(fault, MalformedEnvelope::Foreign { format } if format == expected),
            "{}: {fault}",
            String::from_utf8_lossy(bytes)
        );
        assert!(fault.to_string().contains(&expected.to_string()));
    }
}

#[test]
fn nesting_without_end_is_malformed_at_both_layers() {
    let depth = MAX_ENVELOPE_SIZE - 100;
    for bomb in ["[".repeat(depth), "{\"a\":".repeat(depth / 5)] {
        for text in [
            bomb.clone(),
            format!("{{\"unknown\":{bomb}"),
            format!("{{\"payload\":{bomb}"),
            format!("{{\"signatures\":{bomb}"),
            format!("{{\"signatures\":[{{\"keyid\":{bomb}"),
        ] {
            let fault = malformed(text.as_bytes());
            assert!(is_envelope_json(&fault), "{}", &text[..40]);
        }
        let bomb = &bomb[..30_000];
        for payload in [
            bomb.to_owned(),
            format!("{{\"unknown\":{bomb}"),
            format!("{{\"subject\":{bomb}"),
            format!("{{\"predicate\":{{\"size\":{bomb}"),
        ] {
            let fault = fault_of_signed(PAYLOAD_TYPE, payload.as_bytes());
            assert!(is_statement_json(&fault), "{}", &payload[..40]);
        }
    }
}

#[test]
fn nesting_that_ends_is_ignored_in_the_envelope_and_malformed_in_the_statement() {
    let bomb = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let text = good().replacen('{', &format!("{{\"unknown\":{},", bomb(30_000)), 1);
    assert!(parse(&text).verify(&key(1).verifying_key()).is_ok());

    for payload in [
        bomb(10_000),
        statement().to_json().replacen('{', &format!("{{\"unknown\":{},", bomb(10_000)), 1),
        statement().to_json().replacen("123456", &bomb(10_000), 1),
    ] {
        let fault = fault_of_signed(PAYLOAD_TYPE, payload.as_bytes());
        assert!(is_statement_json(&fault), "{fault}");
    }
}
