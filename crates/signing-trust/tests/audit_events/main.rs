//! Each change tells the audit log once, as an event and as a row, and nothing
//! else does.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

mod bench;

mod keys;
mod limits;
mod logs;
mod organizations;
mod page;
mod questions;
mod rotation;
mod second_thoughts;
mod secrets;
mod signatures;
