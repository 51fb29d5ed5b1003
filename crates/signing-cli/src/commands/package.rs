use signing_loader::RequiredSigners;

use super::packages::Packages;
use super::{floor, inspect, sign, unstore, verify};
use crate::cli::Package;
use crate::context::{Context, block_on};
use crate::error::{CliError, Terms};
use crate::files::Existing;
use crate::output::Report;

pub(super) fn run(context: &Context, command: Package) -> Result<Report, CliError> {
    match command {
        Package::Sign {
            paths,
            key,
            key_id,
            passphrase,
            name,
            package_version: version,
            expires: expires_at,
            output,
            store,
            org,
            force,
        } => {
            let passphrase = passphrase.source();
            let terms = Terms { version, expires_at };
            let existing = Existing::replace_if(force);
            let places = sign::Places { terms, output, store, org, existing };
            let packages = Packages::new(paths, name, places.output.as_deref())?;
            let report = match (key, key_id) {
                (Some(key), _) if !store => {
                    sign::with_file(packages.get(), &key, &passphrase, &places)
                }
                (Some(key), _) => block_on(sign::with_file_and_store(
                    context,
                    packages.get(),
                    &key,
                    &passphrase,
                    &places,
                )),
                (None, id) => {
                    let id = id.unwrap_or_default().parse()?;
                    block_on(sign::with_stored_key(context, packages.get(), id, &places))
                }
            };
            Ok(packages.noted(report?))
        }
        Package::Verify {
            paths,
            org,
            trust_key,
            name,
            signature,
            required_signers,
            distinct_orgs,
            clock_skew_allowance,
            explain,
        } => {
            let packages = Packages::new(paths, name, signature.as_deref())?;
            let required = match distinct_orgs {
                true => RequiredSigners::Organizations(required_signers),
                false => RequiredSigners::Keys(required_signers),
            };
            let asked = verify::Asked { signature, required, clock_skew_allowance, explain };
            let report = match org {
                None => verify::with_pinned_keys(packages.get(), &trust_key, &asked),
                Some(org) => block_on(verify::with_store(context, packages.get(), &org, &asked)),
            };
            Ok(packages.noted(report?))
        }
        Package::Inspect { path, signature, org, trust_key } => {
            let file = inspect::file(path, signature);
            match org {
                Some(org) => block_on(inspect::with_store(context, &file, &org)),
                None if trust_key.is_empty() => inspect::unverified(&file),
                None => inspect::with_pinned_keys(&file, &trust_key),
            }
        }
        Package::Unstore { ids } => block_on(unstore::unstore(context, &ids)),
        Package::Floor(command) => floor::run(context, command),
    }
}
