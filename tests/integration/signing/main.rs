//! What the crates promise together: each test's name is the promise.
//!
//! Every test of the store runs twice, on SQLite with `cargo test` and on Postgres
//! with `cargo xtask test-db`.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

mod support;

mod sign_and_verify;

mod trust_chain;

mod signed_trust;

mod expired_documents;

mod key_rotation;

mod security_failures;

mod store_rules;

mod freshness;

mod loaded_packages;

#[path = "../../attacks/library.rs"]
mod attacks;

mod postgres;

mod documented_limits;
