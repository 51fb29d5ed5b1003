use std::str;

use signing_trust::store::{DatabaseUrl, RoleName};

use crate::Verdict;

const SECRET: &str = "hunter2";

/// Where a store is. A password is never printed, and the URL of a file leads to the same file.
pub(crate) fn database_url(input: &[u8]) -> Verdict {
    let Ok(text) = str::from_utf8(input) else { return Verdict::Refused };
    let parsed: Result<DatabaseUrl, _> = text.parse();
    let shown = match &parsed {
        Ok(url) => {
            assert_eq!(url.unprotected_host(), None, "that needs `danger` in the call");
            // A Postgres URL is shown without its parameters.
            if !url.to_string().starts_with("postgres") {
                assert_eq!(
                    url.to_string().parse::<DatabaseUrl>().unwrap().to_string(),
                    url.to_string()
                );
            }
            format!("{url} {url:?}")
        }
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!is_password(text) || !shown.contains(SECRET), "{shown}");
    Verdict::from(&parsed)
}

/// Whether the secret stands where a password stands, also in a URL that is not well formed:
/// between the first colon and the only `@`.
fn is_password(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("postgres://") else { return false };
    let Some((before, after)) = rest.split_once('@') else { return false };
    let password = before.split_once(':').map_or("", |(_, password)| password);
    password.contains(SECRET) && !after.contains('@') && text.matches(SECRET).count() == 1
}

/// A role of Postgres.
pub(crate) fn role_name(input: &[u8]) -> Verdict {
    let Ok(text) = str::from_utf8(input) else { return Verdict::Refused };
    let parsed: Result<RoleName, _> = text.parse();
    if let Ok(role) = &parsed {
        assert_eq!(role.as_str(), text);
        assert!((1..=63).contains(&text.len()), "Postgres cuts off longer names");
    }
    Verdict::from(&parsed)
}
