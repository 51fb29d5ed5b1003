//! `cloacina doctor`: what is wrong here, and what to do about it. It only reads.
//!
//! Each check stands for itself. After one that fails, the others are made as far as they can
//! be, and one that cannot be made says so.

mod check;
mod clock;
mod expiry;
mod files;
mod kek;
mod machine;
mod protection;
mod readers;
mod server;
mod signed_trust;
mod store;

use self::check::{Checks, DoctorView};
use crate::cli::Doctor;
use crate::context::{Context, block_on};
use crate::error::CliError;
use crate::output::Report;
use crate::view::json_documents;

json_documents! { "doctor": DoctorView<'static> }

pub(super) fn run(context: &Context, command: Doctor) -> Result<Report, CliError> {
    let checks = block_on(async { Ok(examine(context, &command).await) })?;
    let view = DoctorView::of(&checks);
    let mut report = Report::requested(&view);
    if view.problems > 0 {
        report.fail(CliError::ProblemsFound { problems: view.problems });
    }
    Ok(report)
}

async fn examine(context: &Context, command: &Doctor) -> Checks {
    let mut checks = Checks::default();
    let url = checks.read("store", context.database_url());
    let keys = match &url {
        Some(url) => store::check(url, &mut checks).await,
        None => None,
    };
    match &url {
        Some(url) if url.is_postgres() => {
            server::check(url, keys.as_ref(), command.role, &mut checks).await;
            protection::check(keys.as_ref(), &mut checks).await;
        }
        Some(_) if command.role.is_some() => checks.not_checked(
            "role",
            "a SQLite store has no roles: the permissions of its files decide",
        ),
        _ => {}
    }
    clock::check(url.as_ref(), keys.as_ref(), &mut checks).await;
    kek::check(context, url.as_ref(), keys.as_ref(), command.role, &mut checks).await;
    let files = files::check(command, &mut checks);
    signed_trust::check(context, command, files, keys.as_ref(), &mut checks).await;
    machine::check(&mut checks);
    expiry::check(keys.as_ref(), &mut checks).await;
    checks
}
