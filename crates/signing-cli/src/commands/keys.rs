mod deny;
mod impact;
mod list;
mod make;
mod reinstate;
mod revoke;
mod rotate;
mod rotate_kek;
mod said;
mod trust;

use crate::cli::Keys;
use crate::context::{Context, block_on};
use crate::error::CliError;
use crate::files::Existing;
use crate::output::Report;
use crate::passphrase::Encryption;

pub(super) fn run(context: &Context, command: Keys) -> Result<Report, CliError> {
    match command {
        Keys::Generate { name, output: Some(path), force, encrypt, passphrase, .. } => {
            let passphrase = passphrase.source_for_new(Encryption::always_if(encrypt));
            let existing = Existing::replace_if(force);
            make::generate_files(&name, &path, existing, passphrase.as_ref())
        }
        Keys::Generate { name, org, .. } => {
            block_on(make::generate(context, &name, &org.unwrap_or_default()))
        }
        Keys::Import { name, org, key, passphrase } => {
            let passphrase = passphrase.source();
            block_on(make::import(context, &name, &org, &key, &passphrase))
        }
        Keys::List { org: Some(org), .. } => block_on(list::list(context, &org)),
        Keys::List { org: None, .. } => block_on(list::compromised(context)),
        Keys::Export { id, format, output, force } => {
            let existing = Existing::replace_if(force);
            block_on(make::export(context, &id, format, output.as_deref(), existing))
        }
        Keys::Trust { org, import, key_id, name, expires } => {
            let key = match (import, key_id) {
                (Some(path), _) => trust::Key::File(path),
                (None, id) => trust::Key::Stored(id.unwrap_or_default().parse()?),
            };
            block_on(trust::trust(context, &org, key, name, expires.as_deref()))
        }
        Keys::Deny(command) => block_on(deny::deny(context, command)),
        Keys::Revoke(command) => block_on(revoke::revoke(context, command)),
        Keys::Reinstate(command) => block_on(reinstate::reinstate(context, command)),
        Keys::Rotate(command) => block_on(rotate::rotate(context, command)),
        Keys::RotateKek(command) => block_on(rotate_kek::rotate_kek(context, command)),
    }
}
