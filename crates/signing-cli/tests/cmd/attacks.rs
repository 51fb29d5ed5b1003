//! What was tried against the program, one module for each kind of attacker.

mod hostile_inputs;
