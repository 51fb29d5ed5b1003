//! What the tasks share with the tests that start servers of their own.

#![expect(clippy::print_stderr, reason = "a task reports to its terminal")]

pub mod container;
pub mod process;
