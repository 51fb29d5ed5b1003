use std::borrow::Cow;

use signing_crypto::shell_word;
use signing_trust::store::{
    AuthenticationFault, ConnectError, LockHolder, RolePurpose, SchemaFault, StoreError, UrlError,
};

use super::{
    Advice, LIST_KEYS, LIST_ORGANIZATIONS, keys, package, refused, trust, undecided, unknown,
};
use crate::error::Outcome;

pub(super) const FIND_SIGNATURES: &str = "list the signatures: cloacina package list --org <org>";

pub(super) fn store(error: &StoreError) -> Advice {
    let next = match error {
        StoreError::NoDatabase { .. } => {
            "check --database-url; to begin: cloacina init <org>; without a store, sign with --key <PEM \
             file>, and verify with --trust-bundle <file> or --trust-key <PEM file>"
        }
        StoreError::File { .. } => {
            "check that the directory exists, and that you may write to it and to the file"
        }
        StoreError::UnsafeFile(file) => return undecided(error.code(), file.remedy()),
        StoreError::NotADatabase { .. } => "check --database-url: give a store's file",
        StoreError::Unreadable { .. } => {
            "ask the owner of the store for read access to its file and directories: chmod, chgrp"
        }
        StoreError::ReadOnly { .. } => "run the command as the owner of the store",
        StoreError::HotJournal { .. } => {
            "as the owner of the store, undo the change: cloacina db migrate"
        }
        StoreError::SchemaOutdated { .. } => "back the store up, then: cloacina db migrate",
        StoreError::SchemaTooNew { .. } => "use a newer cloacina",
        StoreError::NoStore => "make the store's tables: cloacina db migrate",
        StoreError::Connect(error) => return connect(error),
        StoreError::PermissionDenied(_) => {
            "as the owner of the tables, grant the role its rights: cloacina db grants --role \
             <role> --as runner, signer or admin --apply"
        }
        StoreError::DiskFull(_) => {
            "free space on the database's disk; the failed change was not made"
        }
        StoreError::ReadOnlyServer => {
            "connect to the primary server, and check default_transaction_read_only"
        }
        StoreError::ServerShutdown(_) => "try again when the server is up: cloacina db status",
        StoreError::Unavailable(_) | StoreError::TimedOut { .. } => {
            "try again when the database answers: cloacina db status"
        }
        StoreError::FileLocked { holders, .. } => {
            return undecided(error.code(), locked_by(holders));
        }
        StoreError::OutcomeUnknown(_) => {
            "check what was done before you try again: cloacina keys list --org <org>"
        }
        StoreError::RootCertificates { .. } => {
            "give the authority's certificates in PEM, in a file that nobody but you and root can \
             change or replace: sslrootcert=<PEM file>"
        }
        StoreError::InRecovery => "connect to the primary server, not to a replica",
        StoreError::SessionSettingsLost => {
            "connect to the server directly, or through a pooler that pools sessions"
        }
        StoreError::AnotherStore { .. }
        | StoreError::EpochWentBack { .. }
        | StoreError::HistoryDiverged { .. } => {
            "find out why the database was replaced or restored before you restart anything"
        }
        StoreError::NoRoles => "set the file's permissions: chmod, chown",
        StoreError::NotTheOwner => "connect as the role that created the tables with db migrate",
        StoreError::LimitsNotAllowed { .. } => {
            "add --without-limits, and ask the server's administrator to run the ALTER ROLE \
             statements that the command prints without --apply"
        }
        StoreError::NoSuchRole(role) => {
            return undecided(
                error.code(),
                format!("make the role first: CREATE ROLE {} LOGIN; then again", quoted(role)),
            );
        }
        StoreError::RoleActsAsOwner { .. } => {
            "give the rights to a role of its own: createuser <role>"
        }
        StoreError::UnsafeSchema { fault, .. } => {
            return undecided(error.code(), unsafe_schema(fault));
        }
        StoreError::RoleOfAnotherOrganization { .. } => {
            "use a role for this organization: cloacina db grants --role <role> --as signer \
             --org <org> --apply"
        }
        StoreError::SignatureNotFound { .. } => FIND_SIGNATURES,
        StoreError::SignaturesChanged { .. } => package::SIGN_AGAIN,
        StoreError::TrustDocumentConflict { .. } => {
            "if this was published before, nothing is left to do; otherwise somebody has published \
             meanwhile: look at what they have published with cloacina trust status, then run the \
             command again; for a draft, make a draft again, and have it signed"
        }
        StoreError::TooManyKeyRows { .. } => trust::NAME_THE_KEY,
        StoreError::Compromised { .. } => {
            return refused(
                error.code(),
                "make a new key: a compromised key stays refused by every organization that \
                 refuses it",
            );
        }
        StoreError::CorruptRow(_) => {
            "keep a copy of the database, find out who could write to it, and restore a backup"
        }
        StoreError::OrganizationNotFound { .. } | StoreError::OrganizationDeleted { .. } => {
            LIST_ORGANIZATIONS
        }
        StoreError::SigningKeyNotFound { .. } | StoreError::TrustedKeyNotFound { .. } => LIST_KEYS,
        StoreError::NameTaken { .. } => "choose another name",
        StoreError::OrganizationNameRetired { .. } => {
            "choose another name, and update what names the deleted organization: runners, grants \
             and scripts"
        }
        StoreError::SigningKeyExists => "use the existing key: cloacina keys list --org <org>",
        StoreError::SuccessorExists => {
            "find the successor: cloacina keys list --org <org>; to make another, revoke it first"
        }
        StoreError::OtherKek { .. } => keys::STORES_KEK,
        StoreError::KeyRefused { .. } => {
            return refused(
                error.code(),
                "sign the packages that you still want with another key: cloacina package sign \
                 <package> --key-id <new key>",
            );
        }
        StoreError::NotRewrapped { .. } => {
            "nothing was changed: restore this key from a backup, then rotate again"
        }
        _ => return unknown(error.code(), Outcome::Undecided),
    };
    undecided(error.code(), next)
}

/// `purpose` is what the role has all rights for.
pub(super) fn role_denied(role: &str, purpose: Option<RolePurpose>) -> Advice {
    let role = shell_word(role);
    let next = match purpose {
        None => format!(
            "as the owner of the tables, give the role the rights of a runner: cloacina db grants \
             --role {role} --as runner --apply; if it is to sign or to administer, give --as signer \
             or --as admin"
        ),
        Some(RolePurpose::Runner) => format!(
            "{role} has all rights of a runner, and this command needs more: run it with a signer's \
             role if it only signs, and with an administrator's otherwise"
        ),
        Some(RolePurpose::Signer(_)) => format!(
            "{role} has all rights of a signer, and this command needs more: run it with the role of \
             an administrator"
        ),
        Some(_) => format!(
            "{role} has all rights of an administrator, and this command needs more: run it as the \
             owner of the tables"
        ),
    };
    undecided("DatabasePermissionDenied", next)
}

fn connect(error: &ConnectError) -> Advice {
    const START: &str = "check the URL's host and port, and that the server is running";
    let next = match error {
        ConnectError::HostNotFound { .. } => "check the URL's host, and the resolver",
        ConnectError::NothingListens { .. } => START,
        ConnectError::Unreachable { .. } => {
            "check the network and firewalls on the way to the server, or the socket's permissions"
        }
        ConnectError::NoTls { .. } => {
            "turn on TLS at the server (ssl = on), or connect by a Unix socket"
        }
        ConnectError::Certificate { .. } => {
            "give the authority of the server's certificate, sslrootcert=<PEM file>, and the host \
             name that is in the certificate"
        }
        ConnectError::Tls { .. } => "check the server's log, and its TLS settings",
        ConnectError::NoChannelBinding => {
            "give the server a certificate that is signed with SHA-256, or use \
             channel_binding=prefer"
        }
        ConnectError::NotAuthenticated { fault: AuthenticationFault::PasswordAsked }
        | ConnectError::NoPassword { .. } => {
            "give the password in PGPASSWORD, in ~/.pgpass, or in the URL in \
             CLOACINA_DATABASE_URL"
        }
        ConnectError::NotAuthenticated { .. } => {
            "find out who answers there; if it is your server, set scram-sha-256 in pg_hba.conf, or \
             give require_auth=none if it needs no password"
        }
        ConnectError::WrongPassword { .. } => {
            "check the role and its password, in the URL, PGPASSWORD or ~/.pgpass"
        }
        ConnectError::RoleRefused { .. } => {
            "check that the role exists, and that pg_hba.conf admits it from this host"
        }
        ConnectError::NoSuchDatabase { .. } => {
            "check the URL's database; to make it: createdb, then cloacina db migrate"
        }
        ConnectError::ConnectDenied { user, database, .. } => {
            let next = format!(
                "if it is the right to connect, as the database's owner or a superuser: GRANT CONNECT \
                 ON DATABASE {} TO {}; otherwise correct the URL's options or the role's settings",
                quoted(database),
                quoted(user)
            );
            return undecided(error.code(), next);
        }
        ConnectError::TooManyConnections(_) => {
            "end connections, or raise the limit of the server or the role"
        }
        ConnectError::UnsafeSocket { .. } => {
            "name the server's user with requirepeer=postgres, or put the socket into a directory \
             that only its server can change"
        }
        ConnectError::OtherPeer { .. } => {
            "find out whose process that is; if it is your server, name its user with requirepeer"
        }
        ConnectError::NoSuchUser { .. } => "give the name or number of a user of this system",
        ConnectError::PasswordFile { .. } => "check PGPASSFILE and the file",
        ConnectError::UnsafePasswordFile { .. } => {
            "make the file private: chmod 0600, and chown if another user owns it"
        }
        _ => return unknown(error.code(), Outcome::Undecided),
    };
    undecided(error.code(), next)
}

pub(super) fn url(error: &UrlError) -> Advice {
    let next = match error {
        UrlError::Insecure { .. }
        | UrlError::SslMode { .. }
        | UrlError::RootCertificatesUnused { .. } => {
            "add sslmode=verify-full to the URL, and sslrootcert=<PEM file> for a private authority"
        }
        UrlError::PasswordOnCommandLine => {
            "put the whole URL into the environment variable CLOACINA_DATABASE_URL"
        }
        UrlError::NotUnicode => "set CLOACINA_DATABASE_URL to text in UTF-8",
        UrlError::RootCertificatePath => "give a path in UTF-8, percent-encoded (%2F)",
        UrlError::AmbiguousCredentials => {
            "in a user, a password or a parameter write %40 for an @, and %3F for a question mark"
        }
        UrlError::Parameter { .. } => "correct the parameter, or omit it",
        UrlError::BackendNotBuilt { .. } => "use a build of cloacina that has this backend",
        #[cfg(feature = "postgres")]
        UrlError::Postgres(_) => "give postgres://user@host/database or a file's path",
        UrlError::Tilde => "give the whole path; for a file or a directory that has this name: ./~",
        UrlError::UnknownScheme => {
            "give postgres://user@host/database or a file's path; one with a colon in its name: \
             ./<path>"
        }
        UrlError::SqliteParameter { .. } | UrlError::UnknownOwner { .. } => {
            "name the owner of the file: sqlite:FILE?owner=USER"
        }
        UrlError::Empty | UrlError::InMemory | UrlError::NoHost => {
            "give postgres://user@host/database or a file's path"
        }
        _ => return unknown(error.code(), Outcome::Undecided),
    };
    undecided(error.code(), next)
}

/// To whom the server says that a right is granted, as a word of SQL.
fn grantee(role: &str) -> String {
    match role {
        // Everybody, and no role.
        "PUBLIC" => role.to_owned(),
        role => quoted(role),
    }
}

/// A name, as a word of SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn locked_by(holders: &[LockHolder]) -> Cow<'static, str> {
    let processes: Vec<_> = holders.iter().map(|holder| holder.process.to_string()).collect();
    match &processes[..] {
        [] => {
            "find the program that uses the file, as root: fuser -v <file>; end it or wait for it, \
             and try again"
                .into()
        }
        _ => {
            let processes = processes.join(" ");
            format!(
                "find out what it does: ps -fp {}; to end it: kill {processes}; then try again",
                processes.replace(' ', ",")
            )
            .into()
        }
    }
}

fn unsafe_schema(fault: &SchemaFault) -> Cow<'static, str> {
    match fault {
        SchemaFault::OpenTo { role } => format!(
            "find out why, then: REVOKE CREATE ON SCHEMA cloacina, cloacina_views FROM {}",
            grantee(role)
        )
        .into(),
        SchemaFault::Damaged { .. } => {
            "restore a backup: until then nothing can be changed in this store, and runners go on with \
             what it says; unless a disk has failed, find out who changed the file"
                .into()
        }
        SchemaFault::UnknownObject { .. } | SchemaFault::MissingObject { .. } => {
            "find out who changed the store and what that did, then restore a backup from before"
                .into()
        }
        _ => {
            "find out who made it, then have its owner drop it: only the store's owner may create \
             objects there"
                .into()
        }
    }
}
