//! `cloacina init`: all that it takes to sign and verify for an organization. What is there
//! already stays as it is, so that the command can be run again.

mod answers;
mod files;
mod signed_trust;
mod view;

use signing_trust::store::{
    DatabaseUrl, OrganizationRecord, OrganizationRef, SchemaStatus, SigningKeyRecord, Store,
    StoreError, StoreReader, TrustedKeyRecord,
};
use signing_trust::{KeyManager, TrustReader};

use self::answers::Plan;
use self::files::{make_kek, require_apart};
use self::view::{InitView, Made, Step};
use crate::advice::refused_key;
use crate::cli::InitStore;
use crate::context::{Context, block_on};
use crate::error::CliError;
use crate::kek::{FoundKek, KekFile};
use crate::output::Report;
use crate::select;
use crate::view::json_documents;

json_documents! { "init": InitView<'static> }

pub(super) fn run(context: &Context, command: InitStore) -> Result<Report, CliError> {
    block_on(async {
        let dry_run = command.dry_run;
        let plan = Plan::of(context, command)?;
        let url = context.database_url()?;
        let kek = context.kek_or_its_file()?;
        let opened = match StoreReader::open_to_inspect(&url).await {
            Err(StoreError::HotJournal { .. }) if !dry_run => after_undoing(&url).await,
            opened => opened,
        };
        let store = existing_store(opened).await?;
        // Nothing is made before it is certain that the store and the KEK belong together.
        require_fitting_kek(store.as_ref(), &kek).await?;
        if let KekFile::Missing(place) = &kek {
            require_apart(place, &url)?;
        }
        // Nor is anything added to an organization whose signed trust is broken.
        let signed_trust = match &store {
            Some(store) => found_trust(&TrustReader::from(store), &plan).await?,
            None => None,
        };
        match dry_run {
            true => would_make(context, plan, &url, &kek, (store, signed_trust)).await,
            false => make(context, plan, &url, kek, (store, signed_trust)).await,
        }
    })
}

/// The store, if there is one with tables, not yet for changes.
async fn existing_store(
    opened: Result<StoreReader, StoreError>,
) -> Result<Option<StoreReader>, CliError> {
    let store = match opened {
        Err(StoreError::NoDatabase { .. }) => return Ok(None),
        opened => opened?,
    };
    match store.schema_status().await? {
        SchemaStatus::Empty => Ok(None),
        SchemaStatus::Outdated { missing } => Err(StoreError::SchemaOutdated { missing }.into()),
        SchemaStatus::TooNew { unknown } => Err(StoreError::SchemaTooNew { unknown }.into()),
        _ => Ok(Some(store)),
    }
}

/// Opens the store after a program was killed while it changed the store. Opening it to read undoes
/// the change first; the tables are looked at later.
async fn after_undoing(url: &DatabaseUrl) -> Result<StoreReader, StoreError> {
    drop(StoreReader::open(url).await);
    StoreReader::open_to_inspect(url).await
}

/// Refuses a KEK other than the store's, and refuses to make one if the store already has keys.
async fn require_fitting_kek(store: Option<&StoreReader>, kek: &KekFile) -> Result<(), CliError> {
    let Some(store) = store else { return Ok(()) };
    match (store.state().await?.kek_id, kek) {
        (Some(expected), KekFile::Found(FoundKek { key, .. })) if key.id() != expected => {
            Err(StoreError::OtherKek { expected, found: key.id() }.into())
        }
        (Some(kek), KekFile::Missing(place)) => {
            Err(CliError::StoresKekMissing { kek, place: place.clone() })
        }
        _ => Ok(()),
    }
}

/// The signed trust that the store has of the organization.
async fn found_trust(keys: &TrustReader, plan: &Plan) -> Result<Option<Step>, CliError> {
    match organization(keys, plan).await? {
        Some(org) => signed_trust::found(keys, &org, plan).await,
        None => Ok(None),
    }
}

/// Says what would be made.
async fn would_make(
    context: &Context,
    mut plan: Plan,
    url: &DatabaseUrl,
    kek: &KekFile,
    (store, signed_trust): (Option<StoreReader>, Option<Step>),
) -> Result<Report, CliError> {
    let (has_kek, has_store) = (matches!(kek, KekFile::Found(_)), store.is_some());
    let keys = store.map(TrustReader::from);
    let org = match &keys {
        Some(keys) => organization(keys, &plan).await?,
        None => None,
    };
    let (mut key, mut trusted) = (None, None);
    if let (Some(keys), Some(org)) = (&keys, &org) {
        key = signing_key(keys, org, &plan).await?;
        if let Some(key) = &key {
            plan.key = key.name.clone();
            trusted = trusted_key(keys, org, key).await?;
        }
    }
    let made = |exists: bool| if exists { Made::Before } else { Made::Not };
    let mut steps = vec![
        Step::kek(made(has_kek), kek.place()),
        Step::store(made(has_store), url),
        Step::organization(made(org.is_some()), &plan, org.as_ref()),
        Step::key(made(key.is_some()), &plan, key.as_ref()),
        Step::trust(made(trusted.is_some()), &plan, trusted.as_ref()),
    ];
    match (signed_trust, &plan.signed_trust) {
        (Some(found), _) => steps.push(found),
        (None, Some(_)) => steps.push(Step::signed_trust(Made::Not, &plan.root()?)),
        (None, None) => {}
    }
    let next = context.exports(url, kek.place());
    Ok(Report::requested(&InitView::new(&plan.org, steps, next)))
}

async fn make(
    context: &Context,
    mut plan: Plan,
    url: &DatabaseUrl,
    kek: KekFile,
    (store, found_trust): (Option<StoreReader>, Option<Step>),
) -> Result<Report, CliError> {
    let place = kek.place().clone();
    let (kek, step) = match kek {
        KekFile::Found(found) => (found.key, Step::kek(Made::Before, &place)),
        KekFile::Missing(_) => (make_kek(&place, url)?, Step::kek(Made::Now, &place)),
    };
    let mut steps = vec![step];

    let store = match store {
        Some(_) => {
            steps.push(Step::store(Made::Before, url));
            Store::open(url).await?
        }
        None => {
            let (store, applied) = Store::migrate(url).await?;
            let made = if applied.is_empty() { Made::Before } else { Made::Now };
            steps.push(Step::store(made, url));
            store
        }
    };
    let keys = KeyManager::new(store, Some(kek)).with_actor(context.actor()?);

    let (org, made) = match organization(&keys, &plan).await? {
        Some(org) => (org, Made::Before),
        None => (keys.create_organization(plan.org.clone()).await?, Made::Now),
    };
    steps.push(Step::organization(made, &plan, Some(&org)));

    let (key, made) = match signing_key(&keys, &org, &plan).await? {
        Some(key) => (key, Made::Before),
        None => (keys.create_signing_key(org.id, plan.key.clone()).await?, Made::Now),
    };
    plan.key = key.name.clone();
    steps.push(Step::key(made, &plan, Some(&key)));

    let (trusted, made) = trust(&keys, &org, &key).await?;
    steps.push(Step::trust(made, &plan, Some(&trusted)));

    match (found_trust, plan.signed_trust.take()) {
        (Some(found), _) => steps.push(found),
        (None, Some(new)) => {
            let organization = (&keys, &org, trusted.fingerprint);
            steps.extend(signed_trust::make(context, organization, &plan, new).await?);
        }
        (None, None) => {}
    }
    let next = next(context, &keys, &org, &key, context.exports(url, &place)).await?;
    Ok(Report::done(&InitView::new(&plan.org, steps, next)))
}

async fn organization(
    keys: &TrustReader,
    plan: &Plan,
) -> Result<Option<OrganizationRecord>, CliError> {
    match keys.store().organization(OrganizationRef::Name(plan.org.clone())).await {
        Ok(org) => Ok(Some(org)),
        Err(StoreError::OrganizationNotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The organization's key of this name. If nobody chose the name, another that it trusts will do,
/// most of all one that replaces the key of this name. No key is made instead of a revoked one:
/// the organization must decide about that.
async fn signing_key(
    keys: &TrustReader,
    org: &OrganizationRecord,
    plan: &Plan,
) -> Result<Option<SigningKeyRecord>, CliError> {
    let all = keys.store().signing_keys(org.id).await?;
    let has_name = |key: &SigningKeyRecord| key.name == plan.key;
    let replaces_named = |key: &SigningKeyRecord| {
        let replaced = select::replaced_by(key, &all);
        all.iter().any(|other| has_name(other) && replaced.contains(&other.id))
    };
    let rows = keys.store().own_trusted_keys(org.id).await?;
    let is_trusted = |key: &SigningKeyRecord| {
        rows.iter().any(|row| row.fingerprint == key.fingerprint && row.revoked_at.is_none())
    };
    let usable = all.iter().filter(|key| key.revoked_at.is_none());
    let usable = usable.filter(|key| has_name(key) || (!plan.key_is_chosen && is_trusted(key)));
    let usable: Vec<_> = usable.collect();
    let is_replaced = |key: &SigningKeyRecord| {
        usable.iter().any(|other| select::replaced_by(other, &all).contains(&key.id))
    };
    let newest = usable.iter().copied().filter(|key| !is_replaced(key));
    let found = newest.max_by_key(|key| (has_name(key), replaces_named(key), key.created_at));
    match found {
        None if all.iter().any(has_name) => Err(CliError::KeyWasRevoked {
            org: org.name.clone(),
            name: plan.key.clone(),
            free_name: select::free_name(&all),
        }),
        found => Ok(found.cloned()),
    }
}

/// What the organization says about the key that the row shows.
async fn trusted_key(
    keys: &TrustReader,
    org: &OrganizationRecord,
    key: &SigningKeyRecord,
) -> Result<Option<TrustedKeyRecord>, CliError> {
    let own = keys.store().own_trusted_keys(org.id).await?;
    Ok(own.into_iter().find(|row| row.fingerprint == key.fingerprint && row.is_in_effect()))
}

/// Trusts the key, whose public half is proven first. Trust that ends at some time is not made
/// longer.
async fn trust(
    keys: &KeyManager,
    org: &OrganizationRecord,
    key: &SigningKeyRecord,
) -> Result<(TrustedKeyRecord, Made), CliError> {
    let proven = keys.proven_key(key.id).await?;
    if let Some(row) = trusted_key(keys, org, proven.record()).await?
        && row.revoked_at.is_none()
    {
        return Ok((row, Made::Before));
    }
    let (public, name) = (proven.verifying_key(), Some(key.name.clone()));
    match keys.trust_public_key(org.id, &public, name, None).await {
        Ok(change) => Ok((change.into_inner(), Made::Now)),
        Err(error) => Err(refused_key::of_trust(keys, org, error).await),
    }
}

/// What to type next: where things are, if they are not where commands look, and a signature.
async fn next(
    context: &Context,
    keys: &TrustReader,
    org: &OrganizationRecord,
    key: &SigningKeyRecord,
    mut next: Vec<String>,
) -> Result<Vec<String>, CliError> {
    let is_only = keys.store().organizations().await?.len() == 1;
    let default = context.default_organization();
    let is_default = default.is_ok_and(|named| named.as_ref() == Some(&org.name));
    if !is_only && !is_default {
        next.push(format!("export CLOACINA_ORG={}", org.name));
    }
    let usable = keys.store().signing_keys(org.id).await?;
    let usable = usable.iter().filter(|key| key.revoked_at.is_none()).count();
    next.push(match usable {
        1 => "cloacina sign libworkflow.so".to_owned(),
        _ => format!("cloacina sign libworkflow.so --key-id {}/{}", org.name, key.name),
    });
    Ok(next)
}
