//! What attackers try, one folder each, beside the untouched sibling that is accepted.

mod false_server;
mod forged_rows;
mod hostile_inputs;
mod planted_files;
mod reused_names;
mod weak_roles;
