//! What the tests stand on.

mod database;
mod documents;
mod fixtures;
mod forge;
mod harness;
mod login;
mod own_server;
mod pooler;
mod proxy;
mod runner;
mod signed_trust;
mod vendor;
mod verify;
mod world;

pub(crate) use database::{Backend, Database};
pub(crate) use documents::{Party, RawKey, digest, in_days, payload_type, signed, signed_as};
pub(crate) use fixtures::{hostile, workflow};
pub(crate) use forge::{add_signature, corrupt_signature, edit, forget_signers};
pub(crate) use harness::{Canary, Subject, run, run_alone, run_in_child};
pub(crate) use login::{Login, Role, is_away, shown, until};
pub(crate) use own_server::{End, OwnServer};
pub(crate) use pooler::Pooler;
pub(crate) use proxy::{Flow, Proxy};
pub(crate) use runner::{LONG, Runner, SOON, bound, hide, hide_keys};
pub(crate) use signed_trust::{
    Documents, Medium, SignedTrust, publish_first_documents, sign, with_signed_trust,
};
pub(crate) use vendor::{Vendor, untrusted};
pub(crate) use verify::{check_package, check_package_offline, explain_package, inspect_signature};
pub(crate) use world::{World, call, entry_point, kek, trust_document};

/// Makes of each claim, an `async fn` over a [`World`] or a [`Database`], a test on
/// SQLite and a test on Postgres.
macro_rules! on_both_backends {
    ($($claim:ident),* $(,)?) => {$(
        mod $claim {
            use crate::support::{Backend, run};

            #[test]
            fn on_sqlite() {
                run(Backend::Sqlite, super::$claim);
            }

            #[test]
            #[ignore = "needs Postgres: cargo xtask test-db"]
            fn on_postgres() {
                run(Backend::Postgres, super::$claim);
            }
        }
    )*};
}
pub(crate) use on_both_backends;

/// As [`on_both_backends`], each test in a process of its own, in which the hostile
/// library has a file to write: at its end the canary must be as is said here.
macro_rules! with_a_canary_on_both_backends {
    ($canary:ident: $($claim:ident),* $(,)?) => {$(
        mod $claim {
            use crate::support::{Backend, Canary, run, run_in_child};

            #[test]
            fn on_sqlite() {
                run_in_child(concat!(module_path!(), "::on_sqlite"), Canary::$canary, || {
                    run(Backend::Sqlite, super::$claim);
                });
            }

            #[test]
            #[ignore = "needs Postgres: cargo xtask test-db"]
            fn on_postgres() {
                run_in_child(concat!(module_path!(), "::on_postgres"), Canary::$canary, || {
                    run(Backend::Postgres, super::$claim);
                });
            }
        }
    )*};
}
pub(crate) use with_a_canary_on_both_backends;

/// Asserts that a result is this very error.
macro_rules! assert_refused {
    ($result:expr, $pattern:pat $(if $guard:expr)? $(,)?) => {
        match $result {
            Err($pattern) $(if $guard)? => {}
            other => panic!(
                "expected {}, found {other:?}",
                stringify!(Err($pattern) $(if $guard)?),
            ),
        }
    };
}
pub(crate) use assert_refused;
