//! What was tried against the program and its store, one module an attack.

mod forged_rows;
