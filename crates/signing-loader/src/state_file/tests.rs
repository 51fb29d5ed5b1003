use std::fs;
use std::os::unix::fs::PermissionsExt;

use signing_crypto::{DocumentDigest, Fingerprint, OrgId, RootDigest};

use super::*;

fn from() -> SeenFrom {
    (OrgId::random(), "ab".repeat(32).parse().unwrap())
}

fn seen(statement: u32, denied: &[u8]) -> SeenOrganization {
    let document = |version| SeenDocument {
        version: DocumentVersion::new(version).unwrap(),
        digest: DocumentDigest::from_bytes([version as u8; 32]),
    };
    SeenOrganization {
        earlier_roots: denied.iter().map(|byte| RootDigest::from_bytes([*byte; 32])).collect(),
        root: document(1),
        statement: document(statement),
        revocations: document(3),
        denied: denied.iter().map(|byte| Fingerprint::from_bytes([*byte; 32])).collect(),
    }
}

fn remember(file: &StateFile, from: SeenFrom, organization: SeenOrganization) {
    file.update(&mut |all| {
        let others = all.iter().map(|(from, seen)| (*from, seen.clone()));
        *all = others.chain([(from, organization.clone())]).collect();
    })
    .unwrap();
}

fn remembered(file: &StateFile) -> Vec<(SeenFrom, SeenOrganization)> {
    let mut found = Vec::new();
    let all = |all: &mut SeenDocuments| {
        found = all.iter().map(|(from, seen)| (*from, seen.clone())).collect();
    };
    file.update(&mut { all }).unwrap();
    found
}

#[test]
fn what_was_seen_is_known_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trust-state");
    let (acme, other) = (from(), from());
    let first = StateFile::open(&path).unwrap();
    assert_eq!(remembered(&first), []);
    remember(&first, acme, seen(5, &[1, 2]));
    remember(&first, other, seen(7, &[]));
    drop(first);

    let again = StateFile::open(&path).unwrap();
    let mut expected = vec![(acme, seen(5, &[1, 2])), (other, seen(7, &[]))];
    expected.sort_by_key(|(from, _)| *from);
    assert_eq!(remembered(&again), expected);
}

/// Another state file's lock, or the next version of it, would be taken for it.
#[test]
fn a_file_is_not_named_as_what_is_made_beside_another() {
    let directory = tempfile::tempdir().unwrap();
    for (name, is_good) in
        [("state", true), ("state.new.1", true), ("state.new", false), ("state.lock", false)]
    {
        let path = directory.path().join(name);
        assert_eq!(StateFile::open(&path).is_ok(), is_good, "{name}");
        assert_eq!(StateFile::check(&path).is_ok(), is_good, "{name}");
    }
}

#[test]
fn what_a_killed_process_left_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trust-state");
    fs::write(directory.path().join("trust-state.new"), "half of it").unwrap();
    let file = StateFile::open(&path).unwrap();
    let acme = from();
    remember(&file, acme, seen(5, &[]));
    assert_eq!(remembered(&file), [(acme, seen(5, &[]))]);
    let mut names: Vec<_> =
        fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["trust-state", "trust-state.lock"]);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_file_is_for_its_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trust-state");
    remember(&StateFile::open(&path).unwrap(), from(), seen(1, &[]));
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&path.with_file_name("trust-state.lock")), 0o600);

    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    set(&path, 0o666);
    let refused = StateFile::open(&path).unwrap_err();
    assert!(matches!(refused, VersionMemoryError::File { .. }), "{refused:?}");
    set(&path, 0o600);
    set(directory.path(), 0o777);
    let refused = StateFile::open(&path).unwrap_err();
    assert!(matches!(refused, VersionMemoryError::File { .. }), "{refused:?}");
    set(directory.path(), 0o755);
    StateFile::open(&path).unwrap();
}

#[test]
fn a_directory_that_others_can_replace_is_refused() {
    let above = tempfile::tempdir().unwrap();
    let directory = above.path().join("state");
    fs::create_dir(&directory).unwrap();
    let path = directory.join("trust-state");
    remember(&StateFile::open(&path).unwrap(), from(), seen(1, &[]));
    let set = |mode| {
        fs::set_permissions(above.path(), fs::Permissions::from_mode(mode)).unwrap();
    };
    set(0o777);
    for refused in [StateFile::open(&path).map(drop), StateFile::check(&path).map(drop)] {
        assert!(matches!(refused, Err(VersionMemoryError::File { .. })), "{refused:?}");
    }
    // Others cannot rename what is not theirs.
    set(0o1777);
    StateFile::open(&path).unwrap();
    StateFile::check(&path).unwrap();
}

#[test]
fn a_damaged_file_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trust-state");
    let from = from();
    remember(&StateFile::open(&path).unwrap(), from, seen(2, &[1]));
    let good = fs::read_to_string(&path).unwrap();
    let line = good.lines().nth(1).unwrap();
    let denied = Fingerprint::from_bytes([1; 32]);
    for bad in [
        String::new(),
        good.trim_end().to_owned(),
        good.replace("state 1", "state 2"),
        good.replace(" 2:", " 0:"),
        good.replace(" 2:", " 02:"),
        good.replace(" 2:", " +2:"),
        good.replace(" 2:", "  2:"),
        good.replace(" 2:", " 2"),
        good.replace(&format!(" {denied}\n"), "\n"),
        good.replace(&denied.to_string(), &format!("{denied},{denied}")),
        good.replace(&denied.to_string(), &format!("{denied},")),
        format!("{good}{line}\n"),
        format!("{good}\n"),
    ] {
        fs::write(&path, &bad).unwrap();
        let refused = StateFile::open(&path).unwrap_err();
        assert!(matches!(refused, VersionMemoryError::Damaged { .. }), "{bad:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), bad);
    }
    fs::write(&path, &good).unwrap();
    StateFile::open(&path).unwrap();
}

#[test]
fn what_is_checked_is_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trust-state");
    StateFile::check(&path).unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    remember(&StateFile::open(&path).unwrap(), from(), seen(1, &[]));
    StateFile::check(&path).unwrap();
    let set = |name: &str, mode| {
        let path = directory.path().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for name in ["trust-state", "trust-state.lock"] {
        set(name, 0o666);
        let refused = StateFile::check(&path).unwrap_err();
        assert!(matches!(refused, VersionMemoryError::File { .. }), "{name}: {refused:?}");
        set(name, 0o600);
    }
    set("", 0o777);
    let refused = StateFile::check(&path).unwrap_err();
    assert!(matches!(refused, VersionMemoryError::File { .. }), "{refused:?}");
    set("", 0o700);
    fs::write(&path, "no state").unwrap();
    let refused = StateFile::check(&path).unwrap_err();
    assert!(matches!(refused, VersionMemoryError::Damaged { .. }), "{refused:?}");
}

/// Whether others could replace it is asked of a path, which leads to the next file meanwhile.
#[test]
fn a_file_that_is_being_replaced_is_sound() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trust-state");
    let (file, from) = (StateFile::open(&path).unwrap(), from());
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            (1..300).for_each(|version| remember(&file, from, seen(version, &[])));
        });
        while !writer.is_finished() {
            StateFile::check(&path).unwrap();
        }
    });
}

#[test]
fn a_link_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trust-state");
    std::os::unix::fs::symlink(directory.path().join("elsewhere"), &path).unwrap();
    let refused = StateFile::open(&path).unwrap_err();
    assert!(matches!(refused, VersionMemoryError::File { .. }), "{refused:?}");
}

/// A host may change its directory, as a daemon does.
#[test]
fn a_relative_path_is_from_the_directory_of_then() {
    let here = std::env::current_dir().unwrap();
    let file = StateFile::at("state/acme".into()).unwrap();
    assert_eq!(file.path, here.join("state/acme"));
    assert_eq!(file.directory(), here.join("state"));
}
