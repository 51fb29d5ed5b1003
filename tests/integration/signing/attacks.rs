//! What was tried against a store and those who believe it, one module an attack.
//!
//! Each attack is refused, and its sibling, which differs in one thing, is accepted.

mod forged_rows;
mod reused_names;
