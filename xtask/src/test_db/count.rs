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

/// Adds up the tests that `--list` names.
#[derive(Default, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) on_the_server: usize,
    pub(super) on_their_own: usize,
}

impl Listed {
    /// Takes note of a line, if it names a test; one whose name has `own` in it is on
    /// its own.
    pub(super) fn read(&mut self, line: &str, own: &str) {
        match line.strip_suffix(": test") {
            None | Some("") => {}
            Some(name) if name.contains(own) => self.on_their_own += 1,
            Some(_) => self.on_the_server += 1,
        }
    }
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
        let mut listed = Listed::default();
        for line in [
            "pool::reconnects: test",
            "src/lib.rs - pool (line 4): test",
            "faults::alone::server_is_killed: test",
            ": test",
            "hash: benchmark",
            "3 tests, 0 benchmarks",
        ] {
            listed.read(line, "alone::");
        }
        assert_eq!(listed, Listed { on_the_server: 2, on_their_own: 1 });
    }
}
