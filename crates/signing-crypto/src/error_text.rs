use std::error::Error;

/// An error and its sources on one line, as logs and programs show them.
///
/// Some errors, mostly of other crates, end with the text of their source. It is then not
/// repeated.
pub fn error_with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let cause = source.to_string();
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::num::ParseIntError;

    use thiserror::Error;

    use super::*;

    #[derive(Debug, Error)]
    enum Outer {
        #[error("no port")]
        Silent(#[source] ParseIntError),
        #[error("no port: {0}")]
        Repeating(#[source] ParseIntError),
        #[error("cannot listen")]
        Outermost(#[source] Box<Outer>),
    }

    #[test]
    fn each_source_is_shown_once() {
        let cause = || "x".parse::<u16>().unwrap_err();
        let expected = "no port: invalid digit found in string";
        assert_eq!(error_with_sources(&cause()), "invalid digit found in string");
        for error in [Outer::Silent(cause()), Outer::Repeating(cause())] {
            assert_eq!(error_with_sources(&error), expected);
            let error = Outer::Outermost(Box::new(error));
            assert_eq!(error_with_sources(&error), format!("cannot listen: {expected}"));
        }
    }
}
