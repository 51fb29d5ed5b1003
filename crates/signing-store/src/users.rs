//! The users of this machine, by its own list. Neither a server's user nor a store's owner is one of
//! a network's directory service; if it is, the URL can give its number.

use std::fs;

/// A user's number.
pub(crate) fn number_of(name: &str) -> Option<u32> {
    number_in(&fs::read_to_string("/etc/passwd").ok()?, name)
}

/// A user's name: the first that has the number.
pub fn user_name(number: u32) -> Option<String> {
    name_in(&fs::read_to_string("/etc/passwd").ok()?, number)
}

fn number_in(list: &str, name: &str) -> Option<u32> {
    entries(list).find(|(found, _)| *found == name).map(|(_, number)| number)
}

fn name_in(list: &str, number: u32) -> Option<String> {
    entries(list).find(|(_, found)| *found == number).map(|(name, _)| name.into())
}

/// Names and numbers. Lines that have none are left out.
fn entries(list: &str) -> impl Iterator<Item = (&str, u32)> {
    list.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        Some((name, number.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "root:x:0:0:root:/root:/bin/sh\n\
                        short:x\n\
                        postgres:x:105:114::/var/lib/postgresql:/bin/bash\n\
                        ci:x:1000:1000::/home/ci:/bin/sh\n\
                        also:x:1000:1000::/home/ci:/bin/sh\n";

    #[test]
    fn a_name_is_the_first_with_that_number() {
        assert_eq!(name_in(LIST, 0).as_deref(), Some("root"));
        assert_eq!(name_in(LIST, 1000).as_deref(), Some("ci"));
        assert_eq!(name_in(LIST, 7), None);
        assert_eq!(name_in("", 0), None);
    }

    #[test]
    fn a_number_is_that_of_the_whole_name() {
        assert_eq!(number_in(LIST, "postgres"), Some(105));
        for unknown in ["post", "postgresql", "short", "x", ""] {
            assert_eq!(number_in(LIST, unknown), None, "{unknown}");
        }
    }
}
