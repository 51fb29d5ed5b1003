//! What a role can do to a server without any right, and what keeps it from that.
//!
//! `CREATE RULE` and others queue for the strongest lock on a table, a view or a system
//! catalog before the server checks the role's rights, and everybody else waits behind them.
//! An event trigger runs before any lock is taken. Large objects, messages in the log of
//! changes, exported snapshots and advisory locks need no right either, and fill the disk or the
//! table of locks. Only a superuser can forbid all this, once in each database. Other ways to
//! fill both cannot be forbidden: SECURITY.md names them.

use std::fmt;

use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::error::StoreError;
use crate::pool::read;
use crate::state::{PendingChange, change};
use crate::store::{Store, StoreReader};

/// What keeps roles from stopping others, as far as it is missing from a Postgres server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerProtection {
    /// What is missing in the store's database.
    pub faults: Vec<ProtectionFault>,
    /// The other databases of the server that the connected role may connect to: there it can
    /// lock the catalogs that all databases share. Quoted for SQL, where they have to be.
    pub other_databases: Vec<String>,
    /// The store's database, quoted in the same way, if every role may connect to it.
    pub open_database: Option<String>,
}

/// Something that is missing from the protection of a Postgres server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtectionFault {
    /// There is no event trigger.
    NoEventTrigger,
    /// The event trigger does not fire in every session, or for every statement.
    NotAlways,
    /// The event trigger calls something else than this version sets up.
    OtherFunction {
        /// The function.
        function: String,
    },
    /// A role that is not a superuser could replace the function.
    OwnedByRole {
        /// The role.
        owner: String,
    },
    /// Every role may execute these functions.
    OpenFunctions {
        /// The functions, with the types of their arguments.
        functions: Vec<String>,
    },
}

impl ServerProtection {
    /// The statements that a superuser runs in the store's database, as one transaction.
    pub fn sql() -> String {
        format!("BEGIN;\n{}COMMIT;\n", statements())
    }
}

impl fmt::Display for ProtectionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEventTrigger => {
                write!(f, "no event trigger {EVENT_TRIGGER} keeps roles from queueing for locks")
            }
            Self::NotAlways => {
                write!(f, "the event trigger {EVENT_TRIGGER} does not fire for every definition")
            }
            Self::OtherFunction { function } => {
                write!(
                    f,
                    "the event trigger {EVENT_TRIGGER} calls a function that this version has \
                     not set up: {function}"
                )
            }
            Self::OwnedByRole { owner } => {
                write!(
                    f,
                    "{owner}, which is not a superuser, can replace the event trigger's function"
                )
            }
            Self::OpenFunctions { functions } => match &functions[..] {
                [function] => write!(f, "every role may execute {function}"),
                [first, rest @ ..] => {
                    write!(f, "every role may execute {first} and {} more", rest.len())
                }
                [] => f.write_str("every role may execute a function that is not known"),
            },
        }
    }
}

impl StoreReader {
    /// What is missing from the protection of the server.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRoles`] on SQLite, which has no server.
    pub async fn server_protection(&self) -> Result<ServerProtection, StoreError> {
        if !self.pool.is_postgres() {
            return Err(StoreError::NoRoles);
        }
        let found: Result<Found, StoreError> = read!(self.pool, |conn| {
            let trigger: Option<TriggerRow> =
                diesel::sql_query(TRIGGER).get_result(conn).await.optional()?;
            let functions: Vec<NameRow> = diesel::sql_query(open_functions()).load(conn).await?;
            let databases: Vec<NameRow> = diesel::sql_query(OTHER_DATABASES).load(conn).await?;
            let open: Option<NameRow> =
                diesel::sql_query(OPEN_DATABASE).get_result(conn).await.optional()?;
            Ok((trigger, functions, databases, open))
        });
        let (trigger, functions, databases, open) = found?;
        let mut faults = faults_of(trigger);
        if !functions.is_empty() {
            faults.push(ProtectionFault::OpenFunctions { functions: names(functions) });
        }
        let open_database = open.map(|row| row.name);
        Ok(ServerProtection { faults, other_databases: names(databases), open_database })
    }
}

impl Store {
    /// Sets up the protection of the server, or sets it up again.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRoles`] on SQLite, which has no server;
    /// [`StoreError::PermissionDenied`] if the connected role is not a superuser.
    pub async fn protect_server(&self) -> Result<(), StoreError> {
        if !self.pool.is_postgres() {
            return Err(StoreError::NoRoles);
        }
        let change = PendingChange::of_any_store(&self.pool);
        change!(change, |conn| { Ok(conn.batch_execute(&statements()).await?) })
    }
}

/// Restoring a dump, and pasting the statements into `psql`, keep this name.
const EVENT_TRIGGER: &str = "cloacina_refuse_definitions";

/// The roles that may define objects: those that could drop the store anyway. The user
/// of the session counts, also after `SET ROLE`.
const BODY: &str = "
BEGIN
    IF NOT EXISTS (SELECT FROM pg_namespace
                   WHERE nspname = 'cloacina' AND pg_has_role(session_user, nspowner, 'MEMBER'))
       AND NOT EXISTS (SELECT FROM pg_database
                       WHERE datname = current_database()
                         AND pg_has_role(session_user, datdba, 'MEMBER'))
    THEN
        RAISE insufficient_privilege USING
            MESSAGE = 'permission denied to define anything in the database of a store';
    END IF;
END
";

/// Functions that fill the disk, with data or with files, or the server's table of locks, without
/// any right. Their arguments differ between versions of Postgres.
const OPEN_TO_ABUSE: &str = "pronamespace = 'pg_catalog'::regnamespace AND proname IN
            ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_import', 'lo_put', 'lo_truncate',
             'lo_truncate64', 'lowrite', 'pg_logical_emit_message', 'pg_export_snapshot',
             'pg_advisory_lock', 'pg_advisory_lock_shared',
             'pg_advisory_xact_lock', 'pg_advisory_xact_lock_shared',
             'pg_try_advisory_lock', 'pg_try_advisory_lock_shared',
             'pg_try_advisory_xact_lock', 'pg_try_advisory_xact_lock_shared')";

/// Made again from the start: a function or schema of that name that somebody else has made
/// would stay theirs.
fn statements() -> String {
    format!(
        "DROP EVENT TRIGGER IF EXISTS {EVENT_TRIGGER};
DROP SCHEMA IF EXISTS cloacina_guard CASCADE;
CREATE SCHEMA cloacina_guard;
CREATE FUNCTION cloacina_guard.refuse_definitions() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $guard${BODY}$guard$;
CREATE EVENT TRIGGER {EVENT_TRIGGER} ON ddl_command_start
    EXECUTE FUNCTION cloacina_guard.refuse_definitions();
ALTER EVENT TRIGGER {EVENT_TRIGGER} ENABLE ALWAYS;
DO $guard$
DECLARE
    open_function regprocedure;
BEGIN
    FOR open_function IN
        SELECT oid FROM pg_catalog.pg_proc WHERE {OPEN_TO_ABUSE}
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', open_function);
    END LOOP;
END
$guard$;
"
    )
}

/// A superuser's role, or what a managed server has in its place, owns the event trigger.
const TRIGGER: &str = "
    SELECT evtenabled = 'A' AND evtevent = 'ddl_command_start' AND evttags IS NULL AS is_always,
           pg_proc.oid::regproc::text AS function, prosrc AS body,
           pg_catalog.array_to_string(proconfig, '; ') AS settings,
           pg_catalog.pg_get_userbyid(proowner)::text AS owner,
           rolsuper OR proowner = evtowner AS is_superusers
    FROM pg_catalog.pg_event_trigger
    JOIN pg_catalog.pg_proc ON pg_proc.oid = evtfoid
    JOIN pg_catalog.pg_roles ON pg_roles.oid = proowner
    WHERE evtname = 'cloacina_refuse_definitions'";

fn open_functions() -> String {
    format!(
        "SELECT oid::regprocedure::text AS name FROM pg_catalog.pg_proc
         WHERE {OPEN_TO_ABUSE} AND EXISTS (
             SELECT FROM pg_catalog.aclexplode(
                 coalesce(proacl, pg_catalog.acldefault('f', proowner)))
             WHERE grantee = 0 AND privilege_type = 'EXECUTE')
         ORDER BY 1"
    )
}

const OTHER_DATABASES: &str = "
    SELECT pg_catalog.quote_ident(datname) AS name FROM pg_catalog.pg_database
    WHERE datallowconn AND datname <> current_database()
      AND pg_catalog.has_database_privilege(oid, 'CONNECT')
    ORDER BY 1";

const OPEN_DATABASE: &str = "
    SELECT pg_catalog.quote_ident(datname) AS name FROM pg_catalog.pg_database
    WHERE datname = current_database() AND EXISTS (
        SELECT FROM pg_catalog.aclexplode(
            coalesce(datacl, pg_catalog.acldefault('d', datdba)))
        WHERE grantee = 0 AND privilege_type = 'CONNECT')";

fn faults_of(trigger: Option<TriggerRow>) -> Vec<ProtectionFault> {
    const SETTINGS: &str = "search_path=pg_catalog, pg_temp";
    let Some(trigger) = trigger else { return vec![ProtectionFault::NoEventTrigger] };
    let TriggerRow { is_always, function, body, settings, owner, is_superusers } = trigger;
    let is_ours = function == "cloacina_guard.refuse_definitions"
        && body == BODY
        && settings.as_deref() == Some(SETTINGS);
    let mut faults = Vec::new();
    if !is_always {
        faults.push(ProtectionFault::NotAlways);
    }
    if !is_ours {
        faults.push(ProtectionFault::OtherFunction { function });
    }
    if !is_superusers {
        faults.push(ProtectionFault::OwnedByRole { owner });
    }
    faults
}

#[derive(QueryableByName)]
struct TriggerRow {
    #[diesel(sql_type = Bool)]
    is_always: bool,
    #[diesel(sql_type = Text)]
    function: String,
    #[diesel(sql_type = Text)]
    body: String,
    #[diesel(sql_type = Nullable<Text>)]
    settings: Option<String>,
    #[diesel(sql_type = Text)]
    owner: String,
    #[diesel(sql_type = Bool)]
    is_superusers: bool,
}

/// The event trigger, the open functions, the other databases, and the store's if it is open.
type Found = (Option<TriggerRow>, Vec<NameRow>, Vec<NameRow>, Option<NameRow>);

#[derive(QueryableByName)]
struct NameRow {
    #[diesel(sql_type = Text)]
    name: String,
}

fn names(rows: Vec<NameRow>) -> Vec<String> {
    rows.into_iter().map(|row| row.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trigger() -> TriggerRow {
        TriggerRow {
            is_always: true,
            function: "cloacina_guard.refuse_definitions".into(),
            body: BODY.into(),
            settings: Some("search_path=pg_catalog, pg_temp".into()),
            owner: "postgres".into(),
            is_superusers: true,
        }
    }

    #[test]
    fn event_trigger_as_it_was_set_up_has_no_fault() {
        assert_eq!(faults_of(Some(trigger())), []);
    }

    #[test]
    fn event_trigger_that_differs_in_one_thing_has_one_fault() {
        let function = || ProtectionFault::OtherFunction { function: trigger().function };
        let other = "public.nothing".to_owned();
        for (trigger, fault) in [
            (TriggerRow { is_always: false, ..trigger() }, ProtectionFault::NotAlways),
            (TriggerRow { body: "BEGIN END".into(), ..trigger() }, function()),
            (TriggerRow { settings: None, ..trigger() }, function()),
            (
                TriggerRow { function: other.clone(), ..trigger() },
                ProtectionFault::OtherFunction { function: other },
            ),
            (
                TriggerRow { is_superusers: false, ..trigger() },
                ProtectionFault::OwnedByRole { owner: "postgres".into() },
            ),
        ] {
            assert_eq!(faults_of(Some(trigger)), [fault]);
        }
        assert_eq!(faults_of(None), [ProtectionFault::NoEventTrigger]);
    }
}
