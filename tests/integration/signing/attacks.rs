//! What was tried against the crates, one module for each kind of attacker.

mod hostile_inputs;
