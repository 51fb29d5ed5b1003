//! What a user of cloacina gets: cloacina's own registry, on SQLite, its own reconciler and its
//! own runner, with packages that are verified by what an organization trusts now.

mod world;

mod reconciler;
mod registry;
mod runner;
