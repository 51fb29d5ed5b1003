use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn found(file: &str, expected: [&str; 4]) -> Option<String> {
    let password = lookup(file.as_bytes(), expected)?;
    Some(String::from_utf8(password.expose().to_vec()).unwrap())
}

const WHERE: [&str; 4] = ["db.example", "5432", "trust", "ann"];

#[test]
fn first_line_whose_fields_match_gives_the_password() {
    let file = "# db.example:5432:trust:ann:comment\n\
                db.example:5433:trust:ann:port\n\
                db.example:5432:other:ann:database\n\
                db.example:5432:trust:bob:user\n\
                other.example:5432:trust:ann:host\n\
                db.example:5432:trust:ann:first\n\
                *:*:*:*:last\n";
    assert_eq!(found(file, WHERE).as_deref(), Some("first"));
    assert_eq!(found(file, ["h", "1", "d", "u"]).as_deref(), Some("last"));
    let without = file.replace("*:*:*:*:last", "");
    assert_eq!(found(&without, ["h", "1", "d", "u"]), None);
}

#[test]
fn only_a_lone_star_matches_everything() {
    for host in ["db.*", "*e", r"\*", "**"] {
        assert_eq!(found(&format!("{host}:*:*:*:p"), WHERE), None, "{host}");
    }
    let mut literal = WHERE;
    literal[3] = "*";
    assert_eq!(found(r"*:*:*:\*:p", literal).as_deref(), Some("p"));
}

#[test]
fn backslash_stands_before_colons_and_backslashes() {
    let expected = ["::1", "5432", r"a\b", "ann"];
    assert_eq!(found(r"\:\:1:5432:a\\b:ann:p\:q\\r", expected).as_deref(), Some(r"p:q\r"));
    assert_eq!(found(r"::1:5432:a\\b:ann:p", expected), None);
    assert_eq!(found(r"*:*:*:*:p\", WHERE).as_deref(), Some(r"p\"));
    assert_eq!(found("*:*:*:*:p:ignored", WHERE).as_deref(), Some("p"));
}

#[test]
fn lines_that_are_no_entries_give_nothing() {
    for file in ["", "\n", "secret", "*:*:*:secret", "*:*:*:*:", "*:*:*:*", "::::", "\\"] {
        assert_eq!(found(file, WHERE), None, "{file:?}");
    }
    assert_eq!(found("*:*:*:*:p\r\n", WHERE).as_deref(), Some("p"));
}

fn sources(path: &Path) -> PasswordSources {
    PasswordSources { variable: None, path: Some(path.into()), file: None }
}

fn find(mut sources: PasswordSources, place: Place) -> Result<Option<String>, ConnectError> {
    let server = Server { place, port: 5432 };
    let found = sources.find(&server, "trust", "ann")?;
    Ok(found.map(|password| String::from_utf8(password.expose().to_vec()).unwrap()))
}

fn tcp(host: &str) -> Place {
    Place::Tcp { host: host.into(), address: None }
}

#[test]
fn variable_comes_before_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pgpass");
    fs::write(&path, "*:*:*:*:of the file").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let both = PasswordSources { variable: Password::new("of the variable"), ..sources(&path) };
    assert_eq!(find(both, tcp("h")).unwrap().as_deref(), Some("of the variable"));
    assert_eq!(find(sources(&path), tcp("h")).unwrap().as_deref(), Some("of the file"));
}

#[test]
fn usual_directory_of_sockets_is_called_localhost() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pgpass");
    fs::write(&path, "localhost:*:*:*:usual\n/srv/pg:*:*:*:other\n").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    for (place, expected) in [
        (Place::Unix("/run/postgresql".into()), Some("usual")),
        (Place::Unix("/var/run/postgresql".into()), Some("usual")),
        (Place::Unix("/tmp".into()), Some("usual")),
        (tcp("localhost"), Some("usual")),
        (Place::Unix("/srv/pg".into()), Some("other")),
        (tcp("127.0.0.1"), None),
    ] {
        assert_eq!(find(sources(&path), place.clone()).unwrap().as_deref(), expected, "{place:?}");
    }
}

#[test]
fn file_that_others_can_read_or_write_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pgpass");
    fs::write(&path, "*:*:*:*:open-sesame").unwrap();
    for mode in [0o640, 0o620, 0o604, 0o602, 0o644, 0o666, 0o610] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let refused = find(sources(&path), tcp("h")).unwrap_err();
        assert!(
            matches!(&refused, ConnectError::UnsafePasswordFile { mode: found, .. }
                if *found == mode),
            "{mode:o}: {refused:?}"
        );
    }
    for mode in [0o600, 0o400] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        assert!(find(sources(&path), tcp("h")).unwrap().is_some(), "{mode:o}");
    }
}

#[test]
fn what_is_not_a_file_is_refused_and_a_missing_one_holds_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let refused = find(sources(directory.path()), tcp("h"));
    assert!(matches!(refused, Err(ConnectError::PasswordFile { .. })), "{refused:?}");
    let missing = directory.path().join("missing");
    assert_eq!(find(sources(&missing), tcp("h")).unwrap(), None);
    let dangling = directory.path().join("dangling");
    symlink(&missing, &dangling).unwrap();
    assert_eq!(find(sources(&dangling), tcp("h")).unwrap(), None);
}
