//! What attackers try through the library, one folder for each attack, beside the
//! untouched sibling that is accepted.

#[path = "false_server/library.rs"]
mod false_server;
#[path = "forged_rows/library.rs"]
mod forged_rows;
#[path = "held_locks/library.rs"]
mod held_locks;
#[path = "hostile_inputs/library.rs"]
mod hostile_inputs;
#[path = "lifted_limits/library.rs"]
mod lifted_limits;
#[path = "planted_files/library.rs"]
mod planted_files;
#[path = "planted_signatures/library.rs"]
mod planted_signatures;
#[path = "redirected_names/library.rs"]
mod redirected_names;
#[path = "reused_names/library.rs"]
mod reused_names;
#[path = "stopped_revocations/library.rs"]
mod stopped_revocations;
