use std::fs;

use rustix::{process, system};
use signing_crypto::{ActorName, printable};

/// Who makes a change, according to this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// Whom the caller named.
    Named(ActorName),
    /// The user that this process acts as, and the machine that it runs on.
    Process { user: String, host: String },
}

impl Actor {
    pub(crate) fn of_this_process() -> Self {
        let number = process::geteuid().as_raw();
        let list = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let user = name_in_list(&list, number).unwrap_or_else(|| number.to_string());
        let host = printable(&system::uname().nodename().to_string_lossy());
        Self::Process { user, host }
    }
}

/// A user's name in the system's own list, if it is one that can be shown.
fn name_in_list(list: &str, number: u32) -> Option<String> {
    let mut entries = list.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let is_ours = |fields: &Vec<&str>| fields.get(2).and_then(|id| id.parse().ok()) == Some(number);
    let name = ActorName::new(*entries.find(is_ours)?.first()?).ok()?;
    Some(name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "root:x:0:0:root:/root:/bin/sh\n\
                        bad\u{202e}:x:7:7::/:/bin/sh\n\
                        short:x\n\
                        ci:x:1000:1000::/home/ci:/bin/sh\n\
                        also:x:1000:1000::/home/ci:/bin/sh\n";

    #[test]
    fn user_is_the_first_with_that_number() {
        assert_eq!(name_in_list(LIST, 0).as_deref(), Some("root"));
        assert_eq!(name_in_list(LIST, 1000).as_deref(), Some("ci"));
    }

    #[test]
    fn user_without_a_name_that_can_be_shown_has_none() {
        assert_eq!(name_in_list(LIST, 7), None);
        assert_eq!(name_in_list(LIST, 100), None);
        assert_eq!(name_in_list("", 0), None);
    }

    #[test]
    fn process_has_a_user_and_a_host() {
        let Actor::Process { user, host } = Actor::of_this_process() else { panic!() };
        assert!(!user.is_empty());
        assert!(!host.is_empty());
    }
}
