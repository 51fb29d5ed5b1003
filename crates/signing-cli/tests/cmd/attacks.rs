//! What attackers try against the program, one module for each way in, beside the
//! untouched sibling that is accepted.

#[cfg(feature = "postgres")]
mod false_server;
mod forged_rows;
mod hostile_inputs;
mod planted_files;
mod program;
