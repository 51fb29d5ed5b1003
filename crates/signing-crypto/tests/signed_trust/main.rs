//! The documents of signed trust as others make and verify them, and the examples of the
//! specification.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

mod example;
mod examples;
mod others;
mod python;
