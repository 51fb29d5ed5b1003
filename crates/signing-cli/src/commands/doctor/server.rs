//! What only a Postgres server has: roles, and a connection that others could listen to.

use std::collections::BTreeSet;

use signing_crypto::{OrgId, OrgName, shell_word};
use signing_trust::store::{
    DatabaseUrl, HeldRights, OwnerRights, RolePurpose, SessionTls, StaleRole, StoreError,
};
use signing_trust::{TrustError, TrustReader};

use super::check::Checks;
use crate::cli::Purpose;
use crate::lines::first_of;

const OWNER: &str = "owner";
const STALE: &str = "stale roles";

/// How many rights or organizations a line names.
const MAX_NAMED: usize = 3;

pub(super) async fn check(
    url: &DatabaseUrl,
    keys: Option<&TrustReader>,
    expected: Option<Purpose>,
    checks: &mut Checks,
) {
    let Some(keys) = keys else {
        checks.not_checked("connection", "there is no store to ask");
        checks.not_checked(OWNER, "there is no store to ask");
        checks.not_checked("role", "there is no store to ask");
        return;
    };
    connection(url, keys.store().session_tls().await, checks);
    if let Some(rights) = checks.read(OWNER, keys.store().owner_rights().await) {
        owner(&rights, checks);
    }
    if let Some(stale) = checks.read(STALE, keys.store().stale_roles().await) {
        stale_roles(&stale.unwrap_or_default(), checks);
    }
    if let Some(held) = checks.read("role", keys.store().held_rights().await) {
        role(&held, expected, checks);
        if is_signer(&held) {
            organization(keys, &held.role, checks).await;
        }
    }
}

fn connection(url: &DatabaseUrl, seen: Result<SessionTls, StoreError>, checks: &mut Checks) {
    const VERIFY: &str = "connect with verified TLS: sslmode=verify-full in the URL, without \
                          --danger-allow-insecure-database";
    let Some(seen) = checks.read("connection", seen) else { return };
    let version = match seen {
        SessionTls::Encrypted { version } => Some(version),
        _ => None,
    };
    match (url.tcp_host(), url.unprotected_host(), version) {
        (None, ..) => {
            checks.ok("connection", "by a Unix socket, whose server's user the kernel names");
        }
        (Some(_), Some(host), Some(version)) => checks.warning(
            "connection",
            format!("encrypted ({version}), but nothing proves that {host} is your server"),
            VERIFY,
        ),
        (Some(_), Some(host), None) => checks.warning(
            "connection",
            format!("not encrypted, and nothing proves that {host} is your server"),
            VERIFY,
        ),
        (Some(host), None, Some(version)) => checks.ok(
            "connection",
            format!("encrypted ({version}), and the certificate proves that it is {host}"),
        ),
        (Some(host), None, None) => checks.warning(
            "connection",
            format!(
                "{host} has proved its name, but the server sees no encryption: a pooler between \
                 them passes everything on in plaintext"
            ),
            "turn TLS on between the pooler and the server, or connect to the server",
        ),
    }
}

/// The triggers and the views use the owner's rights.
fn owner(OwnerRights { owner, lacking, .. }: &OwnerRights, checks: &mut Checks) {
    if lacking.is_empty() {
        return checks.ok(OWNER, format!("{owner} has all rights to its tables"));
    }
    let name = quoted(owner);
    checks.problem(
        OWNER,
        format!(
            "{owner} owns the store's tables, and lacks rights to them, which the store's triggers \
             and views use: {}",
            first_of(lacking, MAX_NAMED)
        ),
        format!(
            "as {owner} or a superuser: GRANT ALL ON SCHEMA cloacina, cloacina_views TO {name}; \
             GRANT ALL ON ALL TABLES IN SCHEMA cloacina, cloacina_views TO {name}"
        ),
    );
}

/// A binding gives no right by itself, and the next step gives none either.
fn stale_roles(stale: &[StaleRole], checks: &mut Checks) {
    const UNBIND: &str = "DELETE FROM cloacina.role_organizations WHERE role";
    let (mut named, mut statements) = (Vec::new(), BTreeSet::new());
    for role in stale {
        match role {
            StaleRole::WithoutRights { name } => {
                named.push(format!("{name}, which has no right to sign"));
                let literal = quoted(name).replace('\'', "''");
                statements.insert(format!("{UNBIND} = '{literal}'::regrole"));
            }
            StaleRole::Dropped { number } => {
                named.push(format!("number {number}, which is gone"));
                statements.insert(format!("{UNBIND} NOT IN (SELECT oid FROM pg_catalog.pg_roles)"));
            }
            _ => named.push("one that cannot sign".into()),
        }
    }
    if named.is_empty() {
        return;
    }
    let statements: Vec<_> = statements.into_iter().collect();
    checks.warning(
        STALE,
        format!(
            "the store has roles bound to organizations that cannot sign for them, and a new role \
             could take the place of one: {}",
            first_of(&named, MAX_NAMED)
        ),
        format!("as the owner of the tables: {}", statements.join("; ")),
    );
}

/// A name as an identifier of SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn role(held: &HeldRights, expected: Option<Purpose>, checks: &mut Checks) {
    let name = &held.role;
    let Some(expected) = expected else {
        return checks.ok("role", format!("{name} {}", fits(held)));
    };
    let purpose = rights_of(expected);
    let noun = noun(expected);
    let grant = format!(
        "as the owner of the tables: cloacina db grants --role {} --as {} --apply",
        shell_word(name),
        option(expected)
    );
    if held.is_unrestricted || (held.is_owner && expected != Purpose::Admin) {
        let what = format!("{name} {}, and may do far more than {noun} needs", fits(held));
        let next = format!(
            "make a role of its own: createuser <role>; then cloacina db grants --role <role> --as \
             {} --apply",
            option(expected)
        );
        return checks.warning("role", what, next);
    }
    if held.is_owner {
        return checks.ok("role", format!("{name} {}", fits(held)));
    }
    let lacking = held.lacking(purpose);
    if !lacking.is_empty() {
        let what = format!("{name} lacks what {noun} needs: {}", first_of(&lacking, MAX_NAMED));
        return checks.problem("role", what, grant);
    }
    match held.beyond(purpose) {
        more if more.is_empty() => {
            checks.ok("role", format!("{name} may do exactly what {noun} needs"));
        }
        more => {
            let what =
                format!("{name} may do more than {noun} needs: {}", first_of(&more, MAX_NAMED));
            checks.warning("role", what, grant);
        }
    }
}

/// Whether it has the rights of a signer, and not those of an administrator.
fn is_signer(held: &HeldRights) -> bool {
    let may = |purpose| held.lacking(rights_of(purpose)).is_empty();
    !held.is_unrestricted && !held.is_owner && may(Purpose::Signer) && !may(Purpose::Admin)
}

/// For whom a signer's role signs.
async fn organization(keys: &TrustReader, role: &str, checks: &mut Checks) {
    const CHECK: &str = "organization";
    match organizations_of_signer(keys).await {
        Ok(own) if own.is_empty() => checks.problem(
            CHECK,
            format!("{role} can sign for no organization"),
            format!(
                "as the owner of the tables: cloacina db grants --role {} --as signer --org <org> \
                 --apply",
                shell_word(role)
            ),
        ),
        Ok(own) => checks.ok(CHECK, format!("{role} can sign for {}", first_of(&own, MAX_NAMED))),
        Err(error) => checks.error(CHECK, &error.into()),
    }
}

async fn organizations_of_signer(keys: &TrustReader) -> Result<Vec<OrgName>, TrustError> {
    let ids = keys.store().organizations_to_sign_for().await?;
    let all = keys.store().organizations().await?;
    Ok(all.into_iter().filter(|org| ids.contains(&org.id)).map(|org| org.name).collect())
}

/// What a role may do, in words.
fn fits(held: &HeldRights) -> String {
    if held.is_unrestricted {
        return "can act as a superuser, or as a role with rights over the whole server".to_owned();
    }
    if held.is_owner {
        return "owns the store's tables".to_owned();
    }
    let purposes = [Purpose::Admin, Purpose::Signer, Purpose::Runner];
    let able = purposes.into_iter().find(|purpose| held.lacking(rights_of(*purpose)).is_empty());
    match able {
        Some(purpose) => {
            let more = held.beyond(rights_of(purpose));
            let exactly = if more.is_empty() { "what" } else { "more than what" };
            format!("may do {exactly} {} needs", noun(purpose))
        }
        None => "does not have the rights of a runner, a signer or an administrator".to_owned(),
    }
}

/// The rights do not depend on which organization a signer signs for.
fn rights_of(purpose: Purpose) -> RolePurpose {
    match purpose {
        Purpose::Runner => RolePurpose::Runner,
        Purpose::Signer => RolePurpose::Signer(OrgId::random()),
        Purpose::Admin => RolePurpose::Admin,
    }
}

fn noun(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Runner => "a runner",
        Purpose::Signer => "a signer",
        Purpose::Admin => "an administrator",
    }
}

fn option(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Runner => "runner",
        Purpose::Signer => "signer --org <org>",
        Purpose::Admin => "admin",
    }
}
