/// The one of these names that was probably meant, in whatever case it was typed.
pub(crate) fn most_similar<'a, N: ?Sized>(
    given: &str,
    names: impl IntoIterator<Item = &'a N>,
    text: impl Fn(&N) -> &str,
) -> Option<&'a N> {
    let given = given.to_ascii_lowercase();
    let similarity = |name: &N| strsim::jaro_winkler(&text(name).to_ascii_lowercase(), &given);
    names
        .into_iter()
        .map(|name| (similarity(name), name))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_name_is_found_in_any_case_and_another_is_not() {
        let names = || ["release", "nightly"];
        for given in ["relase", "RELEASE", "releases"] {
            assert_eq!(most_similar(given, names(), |name| name), Some("release"), "{given}");
        }
        assert_eq!(most_similar("laptop", names(), |name| name), None);
        assert_eq!(most_similar("relase", [""; 0], |name| name), None);
    }
}
