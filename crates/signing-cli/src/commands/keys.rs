mod deny;
mod dry_run;
mod fingerprint;
mod list;
mod make;
mod reinstate;
mod resigned;
mod revoke;
mod rotate;
mod rotate_dry_run;
mod rotate_kek;
mod show;
mod timeline;
mod trust;

use crate::cli::{Generate, Keys, Resolved};
use crate::context::{Context, block_on};
use crate::error::CliError;
use crate::files::Existing;
use crate::output::Report;
#[cfg(test)]
use crate::schemas::Document;

#[cfg(test)]
pub(super) fn documents() -> Vec<Document> {
    [
        make::DOCUMENTS,
        list::DOCUMENTS,
        trust::DOCUMENTS,
        deny::DOCUMENTS,
        revoke::DOCUMENTS,
        dry_run::DOCUMENTS,
        fingerprint::DOCUMENTS,
        reinstate::DOCUMENTS,
        rotate::DOCUMENTS,
        rotate_kek::DOCUMENTS,
        show::DOCUMENTS,
        timeline::DOCUMENTS,
    ]
    .concat()
}

pub(super) use make::write_pair;

pub(super) fn run(context: &Context, command: Keys) -> Result<Report, CliError> {
    match command {
        Keys::Generate(Resolved(Generate::InFiles { name, private, existing, passphrase })) => {
            make::generate_files(&name, &private, existing, passphrase.as_ref())
        }
        Keys::Generate(Resolved(Generate::InStore { name, org })) => {
            block_on(make::generate(context, name, org.as_ref()))
        }
        Keys::Import { name, org, key, passphrase } => {
            let passphrase = passphrase.source();
            block_on(make::import(context, name, org.as_ref(), &key, &passphrase))
        }
        Keys::List { compromised: true, .. } => block_on(list::compromised(context)),
        Keys::List { org, .. } => block_on(list::list(context, org.as_ref())),
        Keys::Show { key, org } => block_on(show::show(context, org.as_ref(), &key)),
        Keys::Export { key, org, format, output, force } => {
            let existing = Existing::replace_if(force);
            let key = (org.as_ref(), &key);
            block_on(make::export(context, key, format, output.as_deref(), existing))
        }
        Keys::Fingerprint { files } => fingerprint::fingerprint(&files),
        Keys::Trust(command) => block_on(trust::trust(context, command)),
        Keys::Deny(command) => block_on(deny::deny(context, command)),
        Keys::Revoke(command) => block_on(revoke::revoke(context, command)),
        Keys::Reinstate(command) => block_on(reinstate::reinstate(context, command)),
        Keys::Rotate(command) => block_on(rotate::rotate(context, command)),
        Keys::Timeline(command) => block_on(timeline::timeline(context, command)),
        Keys::RotateKek(command) => block_on(rotate_kek::rotate_kek(context, command)),
    }
}
