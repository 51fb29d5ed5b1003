use signing_trust::TrustError;
use signing_trust::store::{AuthenticationFault, ConnectError, SchemaFault, StoreError, UrlError};

use super::{LIST_KEYS, LIST_ORGANIZATIONS, keys, package};

const NAME_THE_KEY: &str = "have the package signed by a tool that writes a keyid";

pub(super) fn trust(error: &TrustError) -> Option<String> {
    Some(match error {
        TrustError::NoOrganization => {
            "verify the package by an organization's trust, then load it".into()
        }
        TrustError::OtherSource { .. } => {
            "load the package by the trust that it was verified by".into()
        }
        TrustError::Store(error) => return store(error),
        TrustError::NoKeyEncryptionKey => keys::STORES_KEK.into(),
        TrustError::SameKek => "make another one with: openssl rand -hex 32".into(),
        TrustError::Wrap(error) => return keys::wrap(error),
        TrustError::ForgedKey { .. } => {
            "trust nothing in this database until you know who wrote to it, and keep a copy as it \
             is; to end trust in a key meanwhile, use the fingerprint that you have elsewhere: \
             cloacina keys deny <fingerprint> --org <org>, with --danger-everywhere for every \
             organization of the store"
                .into()
        }
        TrustError::Key(error) => return keys::key(error),
        TrustError::SigningKeyRevoked { .. } => {
            "sign with another key: cloacina keys generate --org <org> --name <name>".into()
        }
        TrustError::PreviouslyRevoked { .. } => {
            "see why: cloacina keys list --org <org>; to take it back, unless the key is \
             compromised: cloacina keys reinstate"
                .into()
        }
        TrustError::TrustExpired { .. } => {
            "to trust the old key for longer, then rotate again: cloacina keys trust --org <org> \
             --key-id <old key> --expires <time>; or rotate without --resign"
                .into()
        }
        TrustError::Clock(_) => "set the clock right, then try again".into(),
        TrustError::SelfGrant { .. } => "give another organization with --to".into(),
        TrustError::ExpiryPast { .. } => {
            "give a time to come; to end trust now: cloacina keys revoke, or orgs revoke-trust"
                .into()
        }
        TrustError::TooManyCandidates { .. } => NAME_THE_KEY.into(),
        TrustError::MalformedEnvelope(_) => package::GET_SIGNATURE.into(),
        TrustError::Envelope(error) => return package::envelope(error),
        TrustError::AuditLogBroken(_) => {
            "keep a copy of the database as it is, and find out who could write it before you \
             trust anything in it"
                .into()
        }
        TrustError::CheckpointOfAnotherStore { .. } => {
            "check --database-url; if the database was replaced, find out by whom".into()
        }
        TrustError::CheckpointOfAnotherOrganization { .. } => {
            "give the organization that the checkpoint is of, or leave --org out".into()
        }
        _ => return None,
    })
}

pub(super) fn store(error: &StoreError) -> Option<String> {
    Some(match error {
        StoreError::NoDatabase { .. } => {
            "check --database-url; to make a new store: cloacina db migrate".into()
        }
        StoreError::File { .. } => {
            "check that the directory is there, and that file and directory are yours to write"
                .into()
        }
        StoreError::UnsafeFile(unsafe_file) => unsafe_file.remedy(),
        StoreError::NotADatabase { .. } => "check --database-url: give a store's file".into(),
        StoreError::Unreadable { .. } => {
            "have the owner of the store let you read its file and pass its directories: chmod, \
             chgrp"
                .into()
        }
        StoreError::ReadOnly { .. } => "give the command as the owner of the store".into(),
        StoreError::HotJournal { .. } => {
            "have the owner of the store undo the change: cloacina db migrate".into()
        }
        StoreError::OpenedReadOnly => "open the store to change it: Store::open".into(),
        StoreError::SchemaOutdated { .. } => "back the store up, then: cloacina db migrate".into(),
        StoreError::SchemaTooNew { .. } => "use a newer cloacina".into(),
        StoreError::NoStore => "make the store's tables: cloacina db migrate".into(),
        StoreError::Connect(error) => return connect(error),
        StoreError::PermissionDenied(_) => {
            "as the owner of the tables, give the role its rights: cloacina db grants --role \
             <role> --as runner, signer or admin --apply"
                .into()
        }
        StoreError::DiskFull(_) => {
            "free space on the database's disk; what failed was not done".into()
        }
        StoreError::ReadOnlyServer => {
            "connect to the primary server, and see default_transaction_read_only".into()
        }
        StoreError::ServerShutdown(_) => {
            "try again when the server is up: cloacina db status".into()
        }
        StoreError::Unavailable(_) | StoreError::TimedOut { .. } => {
            "try again when the database answers: cloacina db status".into()
        }
        StoreError::OutcomeUnknown(_) => {
            "look at what there is before you try again: cloacina keys list --org <org>".into()
        }
        StoreError::RootCertificates { .. } => {
            "give the authority's certificates in PEM: sslrootcert=<PEM file>".into()
        }
        StoreError::InRecovery => "connect to the primary server, not to a replica".into(),
        StoreError::AnotherStore { .. }
        | StoreError::EpochWentBack { .. }
        | StoreError::HistoryDiverged { .. } => {
            "find out why the database was replaced or restored before you restart anything".into()
        }
        StoreError::NoRoles => "give rights to the file: chmod, chown".into(),
        StoreError::NotTheOwner => {
            "connect as the role that made the tables, with db migrate".into()
        }
        StoreError::LimitsNotAllowed { .. } => {
            "add --without-limits, and have the server's administrator run the ALTER ROLE \
             statements that are printed without --apply"
                .into()
        }
        StoreError::UnsafeSchema { fault, .. } => unsafe_schema(fault),
        StoreError::RoleOfAnotherOrganization { .. } => {
            "use a role for this organization: cloacina db grants --role <role> --as signer \
             --org <org> --apply"
                .into()
        }
        StoreError::SignatureNotFound { .. } => {
            "look up the signature's id: cloacina package verify <package> --org <org> --explain"
                .into()
        }
        StoreError::TooManyFacts { .. } => NAME_THE_KEY.into(),
        StoreError::Compromised { .. } => {
            "make a new key: what is compromised stays so, for every organization that refuses it"
                .into()
        }
        StoreError::CorruptRow(_) => {
            "keep a copy of the database as it is, find out who could write it, and restore a \
             backup"
                .into()
        }
        StoreError::OrganizationNotFound | StoreError::OrganizationDeleted { .. } => {
            LIST_ORGANIZATIONS.into()
        }
        StoreError::SigningKeyNotFound { .. } | StoreError::TrustedKeyNotFound { .. } => {
            LIST_KEYS.into()
        }
        StoreError::NameTaken { .. } => "choose another name".into(),
        StoreError::OrganizationNameRetired { .. } => {
            "choose another name, and change what names the deleted organization: runners, grants \
             and scripts"
                .into()
        }
        StoreError::SigningKeyExists => {
            "use the key that is there: cloacina keys list --org <org>".into()
        }
        StoreError::SuccessorExists => {
            "see which it is: cloacina keys list --org <org>; to have another, revoke it first"
                .into()
        }
        StoreError::OtherKek { .. } => keys::STORES_KEK.into(),
        StoreError::KeyRefused { .. } => {
            "sign the packages that are worth it yourself: cloacina package sign <package> \
             --key-id <new key>"
                .into()
        }
        StoreError::NotRewrapped { .. } => {
            "nothing was changed: restore this key from a backup, then rotate again".into()
        }
        _ => return None,
    })
}

fn connect(error: &ConnectError) -> Option<String> {
    const START: &str = "check the URL's host and port, and that the server runs";
    Some(match error {
        ConnectError::HostNotFound { .. } => "check the URL's host, and the resolver".into(),
        ConnectError::NothingListens { .. } => START.into(),
        ConnectError::Unreachable { .. } => {
            "check the way to the server: its network and firewalls, or the socket's permissions"
                .into()
        }
        ConnectError::NoTls { .. } => {
            "turn TLS on at the server (ssl = on), or connect by a Unix socket".into()
        }
        ConnectError::Certificate { .. } => {
            "give the authority of the server's certificate: sslrootcert=<PEM file>; and the host \
             as the certificate names it"
                .into()
        }
        ConnectError::Tls { .. } => "check the server's log, and its TLS settings".into(),
        ConnectError::NoChannelBinding => {
            "give the server a certificate that is signed with SHA-256, or use \
             channel_binding=prefer"
                .into()
        }
        ConnectError::NotAuthenticated { fault: AuthenticationFault::PasswordAsked }
        | ConnectError::NoPassword { .. } => {
            "give the password in PGPASSWORD, in ~/.pgpass, or in the URL in \
             CLOACINA_DATABASE_URL"
                .into()
        }
        ConnectError::NotAuthenticated { .. } => {
            "find out who answers there; if it is your server, have it use scram-sha-256 in \
             pg_hba.conf, or give require_auth=none where it needs no password"
                .into()
        }
        ConnectError::WrongPassword { .. } => {
            "check the role and its password, in the URL, PGPASSWORD or ~/.pgpass".into()
        }
        ConnectError::RoleRefused { .. } => {
            "check that the role exists, and that pg_hba.conf lets it in from here".into()
        }
        ConnectError::NoSuchDatabase { .. } => {
            "check the URL's database; to make it: createdb, then cloacina db migrate".into()
        }
        ConnectError::TooManyConnections(_) => {
            "end connections, or raise the limit of the server or the role".into()
        }
        ConnectError::UnsafeSocket { .. } => {
            "name the server's user with requirepeer=postgres, or have the socket in a directory \
             that only its server can change"
                .into()
        }
        ConnectError::OtherPeer { .. } => {
            "find out whose process that is; if it is your server's, name its user with \
             requirepeer"
                .into()
        }
        ConnectError::NoSuchUser { .. } => "give a user of this system, or its number".into(),
        ConnectError::PasswordFile { .. } => "check PGPASSFILE, and the file".into(),
        ConnectError::UnsafePasswordFile { .. } => {
            "make it yours alone: chmod 0600, and chown if it is another user's".into()
        }
        _ => return None,
    })
}

pub(super) fn url(error: &UrlError) -> Option<String> {
    Some(match error {
        UrlError::Insecure { .. }
        | UrlError::SslMode { .. }
        | UrlError::RootCertificatesUnused { .. } => {
            "add sslmode=verify-full to the URL, and sslrootcert=<PEM file> for a private authority"
                .into()
        }
        UrlError::RootCertificatePath => "give a path in UTF-8, its bytes as %2F and so on".into(),
        UrlError::Parameter { .. } => "correct the parameter, or leave it out".into(),
        UrlError::BackendNotBuilt { .. } => {
            "use a cloacina that was built with this backend".into()
        }
        #[cfg(feature = "postgres")]
        UrlError::Postgres(_) => "give postgres://user@host/database or a file's path".into(),
        UrlError::SqliteParameter { .. } | UrlError::UnknownOwner { .. } => {
            "give the user who owns the file: sqlite:FILE?owner=USER".into()
        }
        UrlError::Empty | UrlError::UnknownScheme | UrlError::InMemory | UrlError::NoHost => {
            "give postgres://user@host/database or a file's path".into()
        }
        _ => return None,
    })
}

fn unsafe_schema(fault: &SchemaFault) -> String {
    match fault {
        SchemaFault::OpenTo { role } => {
            format!(
                "find out why, then: REVOKE CREATE ON SCHEMA cloacina, cloacina_views FROM {role}"
            )
        }
        _ => "find out who made it, then have its owner drop it; the store's owner alone makes \
              objects there"
            .into(),
    }
}
