//! A hostile corpus and a driver that check any plugin host's loader.
//!
//! A [`Host`] signs a package and tries to load it, in a process of its own. The [`Kit`] makes
//! packages with the system's C compiler, attacks them, and observes what ran: the constructor of
//! each library appends a line to a file. What the host says is not believed. An attack that a
//! loader without verification would not fall for is not in the corpus: before a case is judged,
//! a loader that verifies nothing runs the attack's code, where there is code to run.
//!
//! ```no_run
//! use signing_conformance::{CommandHost, Kit, KitError, Options};
//!
//! fn check() -> Result<bool, KitError> {
//!     let host = CommandHost::builder("my host")
//!         .sign("sign --key {key} {package}", "trusted.pem", "stranger.pem")?
//!         .load("load --trust trusted.pub.pem {packages}")?;
//!     let report = Kit::new(Options::default())?.run(&host)?;
//!     Ok(report.summary.failed == 0)
//! }
//! ```
//!
//! This crate loads nothing in its own process.

#![forbid(unsafe_code)]

mod error;
mod process;
mod rounds;

mod host;

mod words;

mod command_host;

mod markers;
mod workshop;

mod observed;

mod bench;

mod corpus;

mod report;

mod kit;

pub use command_host::{CommandHost, CommandHostBuilder, SigningCommand};
pub use corpus::{Case, Severity, cases};
pub use error::KitError;
pub use host::{Capability, Host, HostError, Outcome, Signer};
pub use kit::{Kit, Options};
pub use process::{Ended, Limits, run_within};
pub use report::{CaseReport, Report, Summary, Verdict};
pub use rounds::{Rounds, RoundsError};
pub use words::TemplateError;
