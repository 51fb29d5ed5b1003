//! Each change tells the audit log once, as an event and as a row, and nothing
//! else does.

mod recorded_store;

mod actors;
mod callers;
mod keys;
mod limits;
mod logs;
mod organizations;
mod reads;
mod reinstatements;
mod rotation;
mod signatures;

pub(super) use recorded_store::ACTOR_FIELDS;
