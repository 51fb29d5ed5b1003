use super::*;

fn parse(text: &str) -> Result<Target, UrlError> {
    Target::parse(text, RequiredTls::Verified)
}

fn tls(text: &str) -> Tls {
    parse(text).map_err(|error| format!("{text}: {error}")).unwrap().tls
}

#[test]
fn connections_by_tcp_are_verified_by_default() {
    for remote in [
        "postgres://u@db.example/db",
        "postgres://u@10.0.0.1/db?sslmode=verify-full",
        "postgres://u@localhost/db",
        "postgres://u@127.0.0.1/db",
        "postgres://u@[::1]/db",
        "postgres://u@%2Frun%2Fpg,localhost/db",
    ] {
        assert_eq!(tls(remote), Tls::Verified { root_certificates: None });
    }
    for host in ["db.example", "localhost"] {
        let url = format!("postgres://u@{host}/db?sslrootcert=%2Fetc%2Fca.pem");
        assert_eq!(tls(&url), Tls::Verified { root_certificates: Some("/etc/ca.pem".into()) });
    }
}

#[test]
fn connections_by_a_socket_need_no_tls() {
    assert_eq!(tls("postgres://u@%2Frun%2Fpg/db"), Tls::Off);
    assert_eq!(tls("postgres://u@/db?host=/run/pg&sslmode=disable"), Tls::Off);
}

#[test]
fn less_than_verified_is_refused_for_every_host() {
    for text in [
        "postgres://u:hunter2@db.example/db?sslmode=disable",
        "postgres://u@db.example/db?sslmode=require",
        "postgres://u:hunter2@localhost/db?sslmode=disable",
        "postgres://u@localhost/db?sslmode=require",
        "postgres://u@127.0.0.1/db?sslmode=disable",
        "postgres://u@[::1]/db?sslmode=disable",
        "postgres://u@%2Frun%2Fpg,db.example/db?sslmode=disable",
        "postgres://u@%2Frun%2Fpg/db?hostaddr=10.0.0.1&sslmode=disable",
    ] {
        let error = parse(text).map(|_| ()).unwrap_err();
        assert!(matches!(error, UrlError::Insecure { .. }), "{text}: {error}");
        assert!(!error.to_string().contains("hunter2"));
        let allowed = Target::parse(text, RequiredTls::DangerNone).unwrap();
        assert!(allowed.unprotected_host().is_some(), "{text}");
    }
    assert_eq!(parse("postgres://u@%2Frun%2Fpg/db").unwrap().unprotected_host(), None);
    assert_eq!(parse("postgres://u@localhost/db").unwrap().unprotected_host(), None);
}

#[test]
fn authorities_that_would_not_be_asked_are_refused() {
    for mode in ["disable", "require"] {
        for host in ["localhost", "db.example", "%2Frun%2Fpg"] {
            let url = format!("postgres://u@{host}/db?sslmode={mode}&sslrootcert=ca.pem");
            for insecure in [RequiredTls::Verified, RequiredTls::DangerNone] {
                let error = Target::parse(&url, insecure).map(|_| ()).unwrap_err();
                assert!(
                    matches!(&error, UrlError::RootCertificatesUnused { mode: found }
                        if found == mode),
                    "{url}: {error}"
                );
            }
        }
    }
}

#[test]
fn modes_that_promise_more_than_they_hold_are_refused() {
    for mode in ["prefer", "allow", "verify-ca", "VERIFY-FULL", ""] {
        let url = format!("postgres://u@localhost/db?sslmode={mode}");
        let error = parse(&url).map(|_| ()).unwrap_err();
        assert!(matches!(error, UrlError::SslMode { found } if found == mode));
    }
}

#[test]
fn what_a_server_must_prove_is_called_as_by_libpq() {
    let auth = |value| {
        let url = format!("postgres://u@h/db?require_auth={value}");
        parse(&url).map(|target| target.require_auth)
    };
    assert_eq!(auth("scram-sha-256").unwrap(), Some(RequireAuth::Scram));
    assert_eq!(auth("none").unwrap(), Some(RequireAuth::None));
    for value in ["md5", "password", "", "!none", "scram-sha-256,none", "NONE"] {
        let refused = auth(value);
        assert!(matches!(refused, Err(UrlError::Parameter { name: "require_auth", .. })));
    }
    assert_eq!(parse("postgres://u@h/db").unwrap().require_auth, None);

    let peer = |value| {
        let url = format!("postgres://u@%2Frun%2Fpg/db?requirepeer={value}");
        parse(&url).map(|target| target.peer)
    };
    assert_eq!(peer("postgres").unwrap(), Some(Peer::Name("postgres".into())));
    assert_eq!(peer("%70g").unwrap(), Some(Peer::Name("pg".into())));
    assert_eq!(peer("26").unwrap(), Some(Peer::Number(26)));
    assert!(matches!(peer(""), Err(UrlError::Parameter { name: "requirepeer", .. })));

    let binding = parse("postgres://u:p@h/db?channel_binding=require").unwrap();
    assert_eq!(binding.channel_binding, ChannelBinding::Require);
}

#[test]
fn parameters_that_could_not_be_followed_are_refused() {
    for (name, url) in [
        ("requirepeer", "postgres://u@h/db?requirepeer=postgres"),
        ("channel_binding", "postgres://u:p@%2Frun%2Fpg/db?channel_binding=require"),
        ("channel_binding", "postgres://u:p@h/db?sslmode=disable&channel_binding=require"),
        ("channel_binding", "postgres://u:p@h/db?require_auth=none&channel_binding=require"),
        ("sslnegotiation", "postgres://u@h/db?sslnegotiation=direct"),
        ("target_session_attrs", "postgres://u@h/db?target_session_attrs=read-only"),
        ("hostaddr", "postgres://u@a,b/db?hostaddr=10.0.0.1"),
        ("port", "postgres://u@a,b,c/db?port=1,2"),
    ] {
        let error = Target::parse(url, RequiredTls::DangerNone).map(|_| ()).unwrap_err();
        assert!(
            matches!(&error, UrlError::Parameter { name: found, .. } if *found == name),
            "{url}: {error:?}"
        );
    }
}

#[test]
fn a_question_mark_in_a_password_must_be_written_as_percent_3f() {
    for text in
        ["postgres://ann:half?require_auth=hunter2@h/db", "postgres://ann:half?hunter2@h/db"]
    {
        let refused = parse(text).err().unwrap();
        assert!(matches!(refused, UrlError::AmbiguousCredentials), "{refused:?}");
        assert!(!format!("{refused} {refused:?}").contains("hunter2"));
    }
    let target = parse("postgres://ann:half%3Fhunter2@h/db").unwrap();
    assert!(target.password.is_some());
    assert_eq!(target.to_string(), "postgres://ann@h/db");
}

#[test]
fn an_at_sign_in_a_password_must_be_written_as_percent_40() {
    for text in [
        "postgres://u:p@hunter2@127.0.0.1:1/db",
        "postgres://u:a@hunter2/x@127.0.0.1/db",
        "postgres://u:a@b?sslmode=hunter2@h/db",
        "postgres://u:a@b?require_auth=hunter2@h/db",
        "postgres://u:a@h/db?requirepeer=hunter2@",
        "postgresql://hunter2@@h/db",
    ] {
        for insecure in [RequiredTls::Verified, RequiredTls::DangerNone] {
            let refused = Target::parse(text, insecure).err().unwrap();
            assert!(matches!(refused, UrlError::AmbiguousCredentials), "{text}: {refused:?}");
            assert!(!format!("{refused} {refused:?}").contains("hunter2"));
        }
    }
    let target = parse("postgres://u:p%40hunter2@h/db?requirepeer=%40&host=%2Frun%2Fpg").unwrap();
    assert_eq!(target.peer, Some(Peer::Name("@".into())));
    assert!(!target.to_string().contains("hunter2"));
}

#[test]
fn each_host_has_its_port_and_its_address() {
    let server = |host: &str, address: Option<&str>, port| Server {
        place: Place::Tcp { host: host.into(), address: address.map(|text| text.parse().unwrap()) },
        port,
    };
    let servers = |url| parse(url).unwrap().servers;
    assert_eq!(servers("postgres://u@a:1,b:2/db"), [server("a", None, 1), server("b", None, 2)]);
    assert_eq!(servers("postgres://u@a/db"), [server("a", None, 5432)]);
    assert_eq!(
        servers("postgres://u@a/db?hostaddr=10.0.0.1"),
        [server("a", Some("10.0.0.1"), 5432)]
    );
}
