//! Counting tests in what cargo and libtest print.
//!
//! Both counts are taken from the output because an exit status of 0 says only that
//! nothing failed, which is also true of a run in which nothing ran.

/// Adds up the `test result:` lines of a run.
#[derive(Default, Debug, PartialEq, Eq)]
pub(super) struct Ran {
    pub(super) passed: usize,
    pub(super) failed: usize,
}

impl Ran {
    /// Takes note of a line, if it is a result.
    pub(super) fn read(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let Some((_, counts)) = result.split_once(". ") else { return };
        for count in counts.split("; ") {
            match count.split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }

    pub(super) fn total(&self) -> usize {
        self.passed + self.failed
    }
}

/// Whether a line of `--list` names a test.
pub(super) fn lists_a_test(line: &str) -> bool {
    line.strip_suffix(": test").is_some_and(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_add_up() {
        let mut ran = Ran::default();
        for line in [
            "running 3 tests",
            "test a::b ... ok",
            "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.10s",
            "test result: FAILED. 4 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s",
        ] {
            ran.read(line);
        }
        assert_eq!(ran, Ran { passed: 6, failed: 1 });
        assert_eq!(ran.total(), 7);
    }

    #[test]
    fn other_lines_count_for_nothing() {
        let mut ran = Ran::default();
        for line in [
            "",
            "ok. 2 passed; 0 failed",
            "test result: ok",
            "test result: ok. many passed; 0 failed",
        ] {
            ran.read(line);
        }
        assert_eq!(ran, Ran::default());
    }

    #[test]
    fn lists_are_told_from_their_surroundings() {
        assert!(lists_a_test("pool::reconnects: test"));
        assert!(lists_a_test("src/lib.rs - pool (line 4): test"));
        assert!(!lists_a_test(": test"));
        assert!(!lists_a_test("hash: benchmark"));
        assert!(!lists_a_test("3 tests, 0 benchmarks"));
    }
}
