use clap::Parser;
use clap::error::ErrorKind;

use super::*;
use signing_trust::store::UrlError;

use crate::ProtectionError;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    security: SecurityArgs,
}

fn required(arguments: &[&str]) -> Option<RequiredSigners> {
    let words = ["runner"].iter().chain(arguments);
    Some(Cli::try_parse_from(words).ok()?.security.required_signers())
}

#[test]
fn one_trusted_key_must_have_signed_unless_more_are_asked_for() {
    let three = SignerCount::new(3).unwrap();
    let pinned = ["--require-signatures", "--trust-key", "a.pem"];
    assert_eq!(required(&pinned), Some(RequiredSigners::default()));
    let more = [&pinned[..], &["--required-signers", "3"]].concat();
    assert_eq!(required(&more), Some(RequiredSigners::Keys(three)));
    for count in ["0", "17", "-1", "all"] {
        assert_eq!(required(&[&pinned[..], &["--required-signers", count]].concat()), None);
    }
    assert_eq!(required(&["--required-signers", "3"]), None);
}

fn fault<const N: usize>(words: [&str; N]) -> ErrorKind {
    Cli::try_parse_from(words).map(drop).unwrap_err().kind()
}

/// What the options come to, where that needs no store.
fn resolved(arguments: &[&str]) -> Result<PackageLoader, SecurityArgsError> {
    let words = ["runner", "--require-signatures"].iter().chain(arguments);
    let options = Cli::try_parse_from(words).unwrap().security;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(options.resolve())
}

#[test]
#[cfg(feature = "postgres")]
fn a_password_on_the_command_line_is_refused_before_anybody_is_asked() {
    for url in ["postgres://u:secret@db.example/d", "postgres://db.example/d?password=secret"] {
        let refused = resolved(&["--org", "acme", "--database-url", url]).unwrap_err();
        assert!(
            matches!(refused, SecurityArgsError::DatabaseUrl(UrlError::PasswordOnCommandLine)),
            "{refused:?}"
        );
        assert!(!format!("{refused} {refused:?}").contains("secret"));
    }
}

#[test]
fn a_key_that_others_may_write_is_not_trusted() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("release.pub.pem");
    let key = signing_crypto::SigningKey::generate().unwrap().verifying_key();
    std::fs::write(&path, key.to_pem()).unwrap();
    let trust = |mode| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        resolved(&["--trust-key", path.to_str().unwrap()])
    };
    for mode in [0o666, 0o664, 0o646] {
        let refused = trust(mode).unwrap_err();
        assert!(
            matches!(
                &refused,
                SecurityArgsError::Unprotected(ProtectionError::Writable { mode: found, .. })
                    if *found == mode
            ),
            "{refused:?}"
        );
        assert!(refused.to_string().contains("chmod go-w "), "{refused}");
    }
    trust(0o644).unwrap();
}

#[test]
fn a_key_that_others_can_replace_is_not_trusted() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    let directory = tempfile::tempdir().unwrap();
    let open = directory.path().join("open");
    std::fs::create_dir(&open).unwrap();
    let key = signing_crypto::SigningKey::generate().unwrap().verifying_key();
    std::fs::write(directory.path().join("release.pub.pem"), key.to_pem()).unwrap();
    symlink("../release.pub.pem", open.join("release.pub.pem")).unwrap();
    let trust = |mode| {
        set_permissions(&open, Permissions::from_mode(mode)).unwrap();
        resolved(&["--trust-key", open.join("release.pub.pem").to_str().unwrap()])
    };
    // The file that the link leads to is as safe as ever.
    let refused = trust(0o777).unwrap_err();
    assert_eq!(refused.code(), "UnsafeDirectory");
    let command = refused.to_string();
    let command = command.split_once("; then: ").unwrap().1;
    assert!(command.starts_with("chmod go-w "), "{command}");
    trust(0o1777).unwrap();
    trust(0o755).unwrap();
}

#[test]
fn no_clock_is_allowed_to_be_ahead_unless_so_many_seconds_are_asked_for() {
    let allowance = |more: &[&str]| {
        let words = [&["runner", "--trust-key", "a.pem", "--require-signatures"], more];
        let parsed = Cli::try_parse_from(words.concat()).ok()?;
        Some(parsed.security.clock_skew_allowance())
    };
    assert_eq!(allowance(&[]), Some(ClockSkewAllowance::NONE));
    let most = Some(ClockSkewAllowance::MAX);
    assert_eq!(allowance(&["--clock-skew-allowance", "300"]), most);
    for wrong in ["301", "-1", "30s", ""] {
        assert_eq!(allowance(&["--clock-skew-allowance", wrong]), None, "{wrong}");
    }
    let alone = ["runner", "--clock-skew-allowance", "30"];
    assert_eq!(fault(alone), ErrorKind::MissingRequiredArgument);
}

#[test]
fn dependencies_are_allowed_by_exact_names_and_only_where_packages_are_verified() {
    let allowed = |more: &[&str]| {
        let words = [&["runner", "--trust-key", "a.pem", "--require-signatures"], more];
        Cli::try_parse_from(words.concat()).map(|parsed| parsed.security.allow_dependency).ok()
    };
    assert_eq!(allowed(&[]), Some(Vec::new()));
    let names = ["libfoo.so.1", "libbar.so"];
    let two = ["--allow-dependency", names[0], "--allow-dependency", names[1]];
    assert_eq!(allowed(&two), Some(names.map(|name| name.parse().unwrap()).into()));
    for wrong in ["", "./libfoo.so", "/usr/lib/libfoo.so", "$ORIGIN", "libfoo*"] {
        assert_eq!(allowed(&["--allow-dependency", wrong]), None, "{wrong}");
    }
    let alone = ["runner", "--allow-dependency", "libfoo.so.1"];
    assert_eq!(fault(alone), ErrorKind::MissingRequiredArgument);
}

/// With one thread, the other process's lock would not be released while that thread waits.
#[test]
#[cfg(feature = "store")]
fn waiting_for_the_lock_of_a_state_file_does_not_block_the_runtime() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name| directory.path().join(name).to_str().unwrap().to_owned();
    let (state, bundle, digest) = (path("state"), path("bundle"), "ab".repeat(32));
    let trust = ["--trust-root", &digest, "--trust-bundle", &bundle, "--state-file", &state];
    // Made by the first start, which gets as far as the bundle.
    let refused = resolved(&trust).unwrap_err();
    assert!(matches!(refused, SecurityArgsError::File { .. }), "{refused:?}");
    let lock = std::fs::File::open(path("state.lock")).unwrap();
    lock.try_lock().unwrap();

    let words = ["runner", "--require-signatures"].iter().chain(&trust);
    let options = Cli::try_parse_from(words).unwrap().security;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (refused, ()) =
        runtime.block_on(async { tokio::join!(options.resolve(), async { drop(lock) }) });
    let refused = refused.unwrap_err();
    assert!(matches!(refused, SecurityArgsError::File { .. }), "{refused:?}");
}

#[test]
fn observing_needs_an_end_and_signatures_to_be_required() {
    let end = |more: &[&str]| {
        let words = [&["runner", "--trust-key", "a.pem", "--require-signatures"], more];
        Cli::try_parse_from(words.concat()).ok()?.security.observe_until()
    };
    assert_eq!(end(&[]), None);
    let expected = DateTime::from_timestamp(1_769_817_600, 0);
    assert_eq!(end(&["--danger-observe-until", "2026-01-31T00:00:00Z"]), expected);
    for wrong in ["", "2026-01-31", "forever", "10000-01-01T00:00:00Z"] {
        assert_eq!(end(&["--danger-observe-until", wrong]), None, "{wrong}");
    }
    let unrequired = ["runner", "--danger-observe-until", "2026-01-31T00:00:00Z"];
    assert_eq!(fault(unrequired), ErrorKind::MissingRequiredArgument);
}

#[test]
#[cfg(feature = "store")]
fn distinct_organizations_need_an_organization_that_tells_them_apart() {
    let three = SignerCount::new(3).unwrap();
    let distinct = ["--require-signatures", "--required-signers", "3", "--distinct-orgs"];
    let by_org = [&distinct[..], &["--org", "acme"]].concat();
    assert_eq!(required(&by_org), Some(RequiredSigners::Organizations(three)));
    assert_eq!(required(&[&distinct[..], &["--trust-key", "a.pem"]].concat()), None);
    let uncounted = ["--require-signatures", "--org", "acme", "--distinct-orgs"];
    assert_eq!(required(&uncounted), None);
}
