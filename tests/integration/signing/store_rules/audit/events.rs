//! Each change tells the audit log once, as an event and as a row, and nothing
//! else does.

mod recorded_store;

mod actors;
mod keys;
mod limits;
mod logs;
mod organizations;
mod reads;
mod reference_page;
mod reinstatements;
mod rotation;
mod secrets;
mod signatures;
