//! What attackers try through the example runner, one folder for each attack, beside the
//! untouched sibling that is accepted.

mod host;

#[path = "hostile_arguments/example_runner.rs"]
mod hostile_arguments;
#[path = "replaced_files/example_runner.rs"]
mod replaced_files;
#[path = "unverified_dependencies/example_runner.rs"]
mod unverified_dependencies;
