use super::{sign, verify};
use crate::cli::Package;
use crate::context::{Context, block_on};
use crate::error::CliError;
use crate::files::Existing;
use crate::output::Report;

pub(super) fn run(context: &Context, command: Package) -> Result<Report, CliError> {
    match command {
        Package::Sign { paths, key, key_id, passphrase, name, output, store, org, force } => {
            let passphrase = passphrase.source();
            let places = sign::Places { output, store, org, existing: Existing::replace_if(force) };
            let packages = sign::packages(paths, name, places.output.as_deref())?;
            match (key, key_id) {
                (Some(key), _) if !store => sign::with_file(&packages, &key, &passphrase, &places),
                (Some(key), _) => block_on(sign::with_file_and_store(
                    context,
                    &packages,
                    &key,
                    &passphrase,
                    &places,
                )),
                (None, id) => {
                    let id = id.unwrap_or_default().parse()?;
                    block_on(sign::with_stored_key(context, &packages, id, &places))
                }
            }
        }
        Package::Verify { paths, org, trust_key, name, signature } => {
            let packages = sign::packages(paths, name, signature.as_deref())?;
            match org {
                None => verify::with_pinned_keys(&packages, &trust_key, signature),
                Some(org) => block_on(verify::with_store(context, &packages, &org, signature)),
            }
        }
    }
}
