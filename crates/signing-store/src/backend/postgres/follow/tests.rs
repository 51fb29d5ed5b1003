use super::*;

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[tag], &length[..], body].concat()
}

fn authentication(kind: i32, data: &[u8]) -> Vec<u8> {
    message(b'R', &[&kind.to_be_bytes(), data].concat())
}

fn error(state: &str) -> Vec<u8> {
    message(b'E', format!("SERROR\0VERROR\0C{state}\0MC28P01 is no field\0\0").as_bytes())
}

fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

/// What a server says that completes SCRAM.
fn scram() -> Vec<Vec<u8>> {
    vec![
        authentication(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"),
        authentication(11, b"r=nonce,s=c2FsdA==,i=4096"),
        authentication(12, b"v=proof"),
        authentication(0, b""),
        message(b'S', b"server_version\x0015\0"),
        ready(),
    ]
}

fn follower(proof: Proof) -> Follower {
    Follower { proof, observed: Arc::default(), login: Login::Begun, part: HEADER }
}

/// How far a login comes, and whether the bytes are taken, in pieces of `size`.
fn login(proof: Proof, bytes: &[u8], size: usize) -> (Login, Result<(), Violation>) {
    let mut follower = follower(proof);
    let taken = bytes.chunks(size).try_for_each(|piece| follower.follow(piece));
    (follower.observed.login(), taken)
}

#[test]
fn server_that_completes_scram_is_let_on_however_its_messages_are_cut() {
    let bytes = scram().concat();
    for size in 1..=bytes.len() {
        assert_eq!(login(Proof::Scram, &bytes, size), (Login::Done, Ok(())), "{size}");
    }
}

#[test]
fn server_that_leaves_a_step_of_scram_out_is_refused_however_its_messages_are_cut() {
    for left_out in 0..4 {
        let mut messages = scram();
        messages.remove(left_out);
        let bytes = messages.concat();
        for size in 1..=bytes.len() {
            let (login, taken) = login(Proof::Scram, &bytes, size);
            assert!(matches!(login, Login::Refused(_)), "{left_out} {size}: {login:?}");
            assert_eq!(taken, Err(Violation::Authentication), "{left_out} {size}");
        }
    }
}

#[test]
fn each_other_way_to_log_in_is_refused_at_each_step() {
    use AuthenticationFault as Fault;

    let others = [
        (authentication(0, b""), Fault::LetIn),
        (authentication(3, b""), Fault::ClearText),
        (authentication(5, b"salt"), Fault::Md5),
        (authentication(7, b""), Fault::OtherMethod),
        (authentication(9, b""), Fault::OtherMethod),
        (authentication(10, b"PLAIN\0\0"), Fault::OtherMethod),
        (authentication(-1, b""), Fault::OtherMethod),
        (message(b'R', b"\0\0"), Fault::OtherMethod),
        (message(b'R', b""), Fault::OtherMethod),
        (ready(), Fault::LetIn),
        (message(b'S', b"a\0b\0"), Fault::LetIn),
        (message(b'D', b"\0\0"), Fault::LetIn),
    ];
    for step in 0..3 {
        for (other, fault) in &others {
            let bytes = [scram()[..step].concat(), other.clone()].concat();
            let expected = (Login::Refused(*fault), Err(Violation::Authentication));
            assert_eq!(login(Proof::Scram, &bytes, bytes.len()), expected, "{step} {fault:?}");
        }
    }
}

#[test]
fn password_is_not_hashed_too_seldom_or_too_often() {
    let challenge = |count: &str| {
        let offer = scram().swap_remove(0);
        let challenge = authentication(11, format!("r=nonce,s=c2FsdA==,i={count}").as_bytes());
        login(Proof::Scram, &[offer, challenge].concat(), 7).0
    };
    for count in ["4096", "100000"] {
        assert_eq!(challenge(count), Login::Challenged, "{count}");
    }
    for count in ["0", "1", "4095", "100001", "4294967295", "4294967296", "-1", "", "x"] {
        assert_eq!(challenge(count), Login::Refused(AuthenticationFault::Iterations), "{count}");
    }
}

/// A long nonce must not push the number out of what is looked at.
#[test]
fn number_of_rounds_is_read_whole_behind_a_long_nonce() {
    let challenge = |count: &str| {
        let nonce = "n".repeat(LOOKED_AT - "r=,s=c2FsdA==,i=4096".len() - 4);
        let challenge = format!("r={nonce},s=c2FsdA==,i={count}");
        let challenge = authentication(11, challenge.as_bytes());
        login(Proof::Scram, &[scram().swap_remove(0), challenge].concat(), 7).0
    };
    assert_eq!(challenge("4096"), Login::Challenged);
    let refused = Login::Refused(AuthenticationFault::Iterations);
    assert_eq!(challenge("4096999999"), refused);
}

#[test]
fn refused_server_stays_refused() {
    let mut follower = follower(Proof::Scram);
    follower.follow(&authentication(3, b"")).unwrap_err();
    assert_eq!(follower.follow(&scram().concat()), Err(Violation::Authentication));
    assert_eq!(follower.follow(b""), Err(Violation::Authentication));
}

#[test]
fn without_a_password_the_server_lets_in_or_is_refused() {
    let let_in = [authentication(0, b""), ready()].concat();
    assert_eq!(login(Proof::None, &let_in, 1), (Login::Done, Ok(())));
    for asked in [authentication(3, b""), authentication(5, b"salt"), scram().concat()] {
        let (login, _) = login(Proof::None, &asked, asked.len());
        assert_eq!(login, Login::Refused(AuthenticationFault::PasswordAsked));
    }
}

#[test]
fn state_of_the_last_error_is_kept_once_however_it_is_cut() {
    let bytes = [scram().concat(), error("23505"), message(b'N', b"C01000\0\0")].concat();
    let bytes = [bytes, error("42501"), error("25P02"), ready()].concat();
    for size in 1..=bytes.len() {
        let mut follower = follower(Proof::Scram);
        for piece in bytes.chunks(size) {
            follower.follow(piece).unwrap();
        }
        let observed = &follower.observed;
        assert_eq!(observed.take_last_error(), Some(SqlState::INSUFFICIENT_PRIVILEGE), "{size}");
        assert_eq!(observed.take_last_error(), None, "{size}");
    }
}

#[test]
fn error_in_place_of_a_login_is_kept() {
    let mut follower = follower(Proof::Scram);
    follower.follow(&error("28P01")).unwrap();
    assert_eq!(follower.observed.take_last_error(), Some(SqlState::INVALID_PASSWORD));
    assert_eq!(follower.observed.login(), Login::Begun);
}

#[test]
fn state_is_a_field_of_five_letters_and_digits() {
    for body in [&b"C4250\0\0"[..], b"C425011\0\0", b"C42-01\0\0", b"C\xff2501\0\0", b"", b"M\0\0"]
    {
        assert_eq!(sqlstate(body), None, "{body:?}");
    }
    assert_eq!(sqlstate(b"C42501\0\0"), Some(SqlState::INSUFFICIENT_PRIVILEGE));
}

#[test]
fn long_messages_are_bounded_during_login_and_kept_in_part_after_it() {
    let long = message(b'N', &vec![b'x'; LONGEST_DURING_LOGIN as usize]);
    assert_eq!(follower(Proof::Scram).follow(&long), Err(Violation::Framing));
    let mut follower = follower(Proof::Scram);
    follower.follow(&scram().concat()).unwrap();
    let body = [b"C42501\0M".to_vec(), vec![b'x'; 1 << 20], b"\0\0".to_vec()].concat();
    let bytes = message(b'E', &body);
    let (start, end) = bytes.split_at(bytes.len() - 1);
    follower.follow(start).unwrap();
    assert!(matches!(&follower.part, Part::Body { looked_at, left: 1, .. }
        if looked_at.len() == LOOKED_AT));
    follower.follow(end).unwrap();
    assert!(follower.observed.take_last_error().is_some());
}

#[test]
fn what_is_not_the_protocol_is_refused() {
    for bytes in [&b"R\0\0\0\x03"[..], b"E\0\0\0\0", b"EFATAL:  too old\n\0", b"HTTP/1.1 400"] {
        assert_eq!(follower(Proof::Scram).follow(bytes), Err(Violation::Framing), "{bytes:?}");
    }
}

/// Any bytes at all: nothing panics, and only a complete SCRAM is let on.
#[test]
fn random_bytes_are_never_let_on() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let whole = scram().concat();
    for _ in 0..20_000 {
        let mut bytes = whole.clone();
        for _ in 0..=next() % 4 {
            let place = usize::try_from(next()).unwrap() % bytes.len();
            bytes[place] ^= 1 << (next() % 8);
        }
        let size = usize::try_from(next()).unwrap() % bytes.len() + 1;
        let (login, _) = login(Proof::Scram, &bytes, size);
        if login == Login::Done {
            // Only what the messages say was changed: their kinds and lengths were not.
            let mut start = 0;
            for message in &scram()[..4] {
                assert_eq!(bytes[start..start + 9], message[..9], "{bytes:?}");
                start += message.len();
            }
        }
    }
}
