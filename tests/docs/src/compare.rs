use regex::Regex;

/// What stands for what differs from run to run.
const PLACEHOLDERS: [(&str, &str); 5] = [
    ("[..]", ".*"),
    ("[ID]", "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    ("[SHA256]", "[0-9a-f]{64}"),
    ("[SHORT]", "[0-9a-f]{8,}"),
    ("[TIME]", "[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}([.][0-9]+)?(Z|[+]00:00)"),
];

/// A line of its own that stands for any lines.
const ANY_LINES: &str = "...";

/// Compares what a page shows with what came. `Some` is the number of the first line
/// that is not as shown, counted from 0, and what came in its place.
pub fn mismatch(shown: &[&str], came: &str) -> Option<(usize, String)> {
    let came: Vec<_> = came.lines().map(str::trim_end).collect();
    match_from(shown, &came, 0).err()
}

fn match_from(shown: &[&str], came: &[&str], at: usize) -> Result<(), (usize, String)> {
    let Some((first, rest)) = shown.split_first() else {
        return match came.first() {
            None => Ok(()),
            Some(line) => Err((at, format!("{line:?}"))),
        };
    };
    if *first == ANY_LINES {
        // The furthest failure tells most about what is wrong.
        let tried = (0..=came.len()).map(|skipped| match_from(rest, &came[skipped..], at + 1));
        let mut worst = (at, String::from("nothing"));
        for outcome in tried {
            match outcome {
                Ok(()) => return Ok(()),
                Err(failure) if failure.0 > worst.0 => worst = failure,
                Err(_) => {}
            }
        }
        return Err(worst);
    }
    match came.split_first() {
        Some((line, others)) if fits(first, line) => match_from(rest, others, at + 1),
        Some((line, _)) => Err((at, format!("{line:?}"))),
        None => Err((at, "nothing".into())),
    }
}

fn fits(shown: &str, came: &str) -> bool {
    let mut pattern = regex::escape(shown.trim_end());
    for (placeholder, meaning) in PLACEHOLDERS {
        pattern = pattern.replace(&regex::escape(placeholder), meaning);
    }
    Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|pattern| pattern.is_match(came))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_what_came() {
        let id = "0198c3a2-1111-4222-8333-444455556666";
        for (shown, came) in [
            (vec![], ""),
            (vec!["a", "b"], "a\nb\n"),
            (vec!["id  [ID]", "at [TIME]"], &*format!("id  {id}\nat 2026-01-28T12:00:00+00:00\n")),
            (vec!["a [..] z"], "a b c z\n"),
            (vec!["..."], ""),
            (vec!["...", "last"], "a\nb\nlast\n"),
            (vec!["a.b (c)"], "a.b (c)"),
        ] {
            assert_eq!(mismatch(&shown, came), None, "{shown:?} {came:?}");
        }
    }

    #[test]
    fn what_is_not_as_shown_is_found_at_its_line() {
        for (shown, came, line, found) in [
            (vec![], "a\n", 0, "\"a\""),
            (vec!["a"], "", 0, "nothing"),
            (vec!["a", "b"], "a\nc\n", 1, "\"c\""),
            (vec!["a"], "a\nb\n", 1, "\"b\""),
            (vec!["[ID]"], "0198c3a2\n", 0, "\"0198c3a2\""),
            (vec!["[SHA256]"], "ABCD\n", 0, "\"ABCD\""),
            (vec!["...", "b", "z"], "a\nb\nc\n", 2, "\"c\""),
            (vec!["a.b"], "aXb\n", 0, "\"aXb\""),
        ] {
            assert_eq!(mismatch(&shown, came), Some((line, found.into())), "{shown:?}");
        }
    }
}
