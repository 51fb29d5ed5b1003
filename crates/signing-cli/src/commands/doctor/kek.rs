use std::path::{Path, PathBuf};

use signing_crypto::{OrgId, error_with_sources};
use signing_trust::TrustReader;
use signing_trust::store::{DatabaseUrl, StoreError};

use super::check::Checks;
use crate::advice;
use crate::cli::Purpose;
use crate::context::Context;
use crate::error::CliError;
use crate::kek::FoundKek;
use crate::kek_place::KekPlace;
use crate::lines::counted;

const KEK: &str = "key encryption key";

/// Whether there is a KEK, and whether every private key of the store can be used with it.
pub(super) async fn check(
    context: &Context,
    url: Option<&DatabaseUrl>,
    keys: Option<&TrustReader>,
    role: Option<Purpose>,
    checks: &mut Checks,
) {
    let Some(found) = checks.read(KEK, context.found_kek()) else { return };
    let Some(FoundKek { key, place }) = found else {
        return match keys {
            Some(keys) if role.is_none() && may_not_read_private_keys(keys).await => {
                checks.ok(KEK, "no key was found, and this role may not read the private keys");
            }
            _ => missing(role, checks),
        };
    };
    if role == Some(Purpose::Runner) {
        return checks.warning(
            KEK,
            format!("there is one in {place}, and a runner needs none"),
            "remove it from this machine: it opens every private key of the store",
        );
    }
    if let Some(url) = url
        && is_beside_the_store(&place, url)
    {
        checks.warning(
            KEK,
            format!("{place} is in the directory of the store"),
            "move it to a directory that is not backed up with the store, and name it with \
             CLOACINA_KEY_ENCRYPTION_KEY_FILE",
        );
    }
    let Some(keys) = keys else {
        let why = format!("{place} has one, and there is no store to compare it with");
        return checks.not_checked(KEK, why);
    };
    let Some(state) = checks.read(KEK, keys.store().state().await) else { return };
    match state.kek_id {
        None => checks.ok(KEK, format!("{place} has one, and the store has no private keys yet")),
        Some(expected) if expected != key.id() => {
            let source = StoreError::OtherKek { expected, found: key.id() }.into();
            checks.error(KEK, &CliError::OtherKek { place, source: Box::new(source) });
        }
        Some(_) => private_keys(&keys.clone().with_kek(key), &place, checks).await,
    }
}

/// Whether this is a runner's role: a key would be of no use to it.
async fn may_not_read_private_keys(keys: &TrustReader) -> bool {
    // The database decides before it looks for any key.
    let asked = keys.store().signing_keys(OrgId::random()).await;
    matches!(asked, Err(StoreError::PermissionDenied(_)))
}

fn missing(role: Option<Purpose>, checks: &mut Checks) {
    let what = "no key was found";
    match role {
        Some(Purpose::Runner) => checks.ok(KEK, "no key was found, and a runner needs no key"),
        Some(Purpose::Signer) => checks.problem(KEK, what, advice::GIVE_KEK),
        Some(Purpose::Admin) | None => checks.warning(
            KEK,
            "no key was found: this machine cannot sign with keys of the store, or make or trust them",
            advice::GIVE_KEK,
        ),
    }
}

/// Unwraps each key that can sign, and compares it with its row.
async fn private_keys(keys: &TrustReader, place: &KekPlace, checks: &mut Checks) {
    let mut count = 0;
    let read = keys.store().organizations().await;
    let Some(organizations) = checks.read(KEK, read) else { return };
    for org in organizations {
        let stored = match keys.store().signing_keys(org.id).await {
            Ok(stored) => stored,
            Err(StoreError::PermissionDenied(_)) => {
                let why = format!("{place} has the store's, and the role may not read the keys");
                return checks.not_checked(KEK, why);
            }
            Err(error) => return checks.error(KEK, &error.into()),
        };
        for key in stored.iter().filter(|key| key.revoked_at.is_none()) {
            count += 1;
            if let Err(error) = keys.proven_key(key.id).await {
                let error = CliError::from(error);
                let why = error_with_sources(&error);
                let what = format!("{}/{} cannot be used: {why}", org.name, key.name);
                checks.problem(KEK, what, error.advice().next.unwrap_or_default());
                return;
            }
        }
    }
    let keys = counted(count, "private key");
    checks.ok(KEK, format!("{place} has the store's, and it opens {keys}"));
}

fn is_beside_the_store(place: &KekPlace, url: &DatabaseUrl) -> bool {
    let directory = |path: &Path| Some(path.canonicalize().ok()?.parent()?.to_owned());
    let kek: Option<PathBuf> = place.path().and_then(directory);
    kek.is_some() && kek == url.sqlite_path().and_then(directory)
}
