use super::{cosign, floor, inspect, install, sign, stored_signatures, unstore, verify};
use crate::cli::Package;
use crate::context::{Context, block_on};
use crate::error::CliError;
use crate::output::Report;

pub(super) fn run(context: &Context, command: Package) -> Result<Report, CliError> {
    match command {
        Package::Sign(command) => sign::run(context, command),
        Package::Cosign(command) => cosign::run(context, command),
        Package::Verify(command) => verify::run(context, command),
        Package::Install(command) => install::run(context, command),
        Package::Inspect { path, signature, org, trust_key } => {
            let subject = inspect::Subject::new(path, signature);
            match org {
                Some(org) => block_on(inspect::with_store(context, &subject, &org)),
                None if trust_key.is_empty() => inspect::unverified(&subject),
                None => inspect::with_pinned_keys(&subject, &trust_key),
            }
        }
        Package::List { org, signed_by } => {
            block_on(stored_signatures::list(context, org.as_ref(), signed_by.as_ref()))
        }
        Package::Unstore { ids, org } => block_on(unstore::unstore(context, &ids, org.as_ref())),
        Package::Floor(command) => floor::run(context, command),
    }
}
