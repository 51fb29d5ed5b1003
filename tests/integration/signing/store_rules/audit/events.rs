//! Each change tells the audit log once, as an event and as a row, and nothing
//! else does.

mod bench;

mod actors;
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
