//! Runs what the guides show, and compares.
//!
//! A page of `docs/content/` is Markdown in which every shell block is run, in order,
//! by one shell in a directory of the page's own. `tests/` runs all pages; this
//! library knows how one is read, run and compared.
//!
//! | in a page | what is done |
//! | --- | --- |
//! | ```` ```console ```` | after `$ ` a command, after `> ` more of it, then what it prints; `? 1` is its exit code, when that is not 0 |
//! | `[..]`, `[ID]`, `[SHA256]`, `[SHORT]`, `[TIME]` | in what is printed: any text, a UUID, a digest, the beginning of either, a time |
//! | `...` on a line of its own | any lines |
//! | `<!-- file: NAME -->` | the block that follows is written to this file, when the commands before it have run |
//! | `<!-- terminal: 40 columns -->` | the block that follows is run on a terminal of that width, without color |
//! | `<!-- not-run: REASON -->` | the block that follows is not run |
//! | `<!-- page: starts in a clone -->` | the first command is run in this repository, with nothing built in its path |
//! | `<!-- page: continues OTHER -->` | the other page is run first, by the same shell |
//! | `<!-- page: needs Postgres -->` | the page is run with a database, under `cargo xtask test-db` |
//! | `{{#include FILE}}` | stands for the file, as in the book |
//!
//! Where a page says nothing, it starts as `local-development.md` leaves its set-up:
//! with the programs in the path, and with the package and the example runner.

#![forbid(unsafe_code)]

mod page;

mod compare;
mod shell;

mod names;
mod site;

mod programs;

pub use compare::mismatch;
pub use names::Names;
pub use page::{Block, Fault, Kind, Page};
pub use programs::{Programs, cargo, repository};
pub use shell::{Counts, Place, run};
pub use site::Site;

/// The pages with Rust in them: their blocks are this package's doctests.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../../docs/content/how-to-guides/security/package-signing.md")]
    struct PackageSigning;
    #[doc = include_str!("../../../docs/content/how-to-guides/security/loaded-packages.md")]
    struct LoadedPackages;
    #[doc = include_str!("../../../docs/content/how-to-guides/postgres.md")]
    struct Postgres;
    #[doc = include_str!("../../../docs/content/reference/configuration.md")]
    struct Configuration;
}
