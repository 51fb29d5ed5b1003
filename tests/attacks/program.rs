//! What attackers try through the program `cloacina`, one folder for each attack, beside
//! the untouched sibling that is accepted.

#[path = "borderline_times/program.rs"]
mod borderline_times;
#[path = "exposed_secrets/program.rs"]
mod exposed_secrets;
#[cfg(feature = "postgres")]
#[path = "false_server/program.rs"]
mod false_server;
#[path = "forged_rows/program.rs"]
mod forged_rows;
#[path = "hostile_inputs/program.rs"]
mod hostile_inputs;
#[path = "leftover_files/program.rs"]
mod leftover_files;
#[path = "lost_output/program.rs"]
mod lost_output;
#[path = "misleading_names/program.rs"]
mod misleading_names;
#[path = "misled_administrator/program.rs"]
mod misled_administrator;
#[path = "planted_files/program.rs"]
mod planted_files;
#[path = "planted_signatures/program.rs"]
mod planted_signatures;
#[path = "planted_triggers/program.rs"]
mod planted_triggers;
#[path = "read_memory/program.rs"]
mod read_memory;
#[path = "redirected_revocations/program.rs"]
mod redirected_revocations;
#[path = "replaced_files/program.rs"]
mod replaced_files;
#[path = "simultaneous_first_use/program.rs"]
mod simultaneous_first_use;
#[path = "version_in_place_of_a_verdict/program.rs"]
mod version_in_place_of_a_verdict;
