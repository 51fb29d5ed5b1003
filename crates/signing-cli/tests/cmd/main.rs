//! The program `cloacina`, seen from outside.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

mod support;

#[path = "../../../../tests/attacks/program.rs"]
mod attacks;

mod completion;
mod examples;

mod db;
mod default_store;
mod doctor;
mod gains_dry_run;
mod grants;
mod init;
mod init_again;
mod orgs;
mod orgs_dry_run;
mod orgs_show;
mod postgres;
mod prompt_signals;
mod protection;
mod trust_graph;

mod explain;
mod fingerprint;
mod forged_lines;
mod generate;
mod help;
mod import_export;
mod revocation_reasons;
mod revoke;
mod revoke_dry_run;
mod signed_trust;
mod trust;

mod confirmation;
mod passphrase;
mod passphrase_prompt;

mod add_signature;
mod cosign;
mod floor;
mod inspect;
mod install;
mod only_signing_key;
mod quorum;
mod sign;
mod sign_at_once;
mod signers;
mod verify;

mod kek;
mod output;
mod rotate;
mod rotate_kek;
mod secret_files;
mod show_key;
mod tables;
mod terminal;

mod audit;

mod errors;
mod file_limits;
mod kill;
mod kill_rotation;
mod names;
mod next_steps;
mod openssl;
mod readers;
mod revoke_while_verifying;
mod schemas;
mod screens;
mod several_programs;
