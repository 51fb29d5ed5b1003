//! What an audit did to the example runner, each next to the same thing done rightly.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

#[path = "../../attacks/example_runner.rs"]
mod attacks;
