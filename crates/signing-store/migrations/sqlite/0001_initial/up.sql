CREATE TABLE store_state (
    singleton   INTEGER PRIMARY KEY CHECK (singleton = 1),
    store_id    BLOB    NOT NULL CHECK (length(store_id) = 16),
    trust_epoch INTEGER NOT NULL CHECK (trust_epoch >= 0),
    kek_id      BLOB    CHECK (length(kek_id) = 16)
) STRICT;

INSERT INTO store_state (singleton, store_id, trust_epoch) VALUES (1, randomblob(16), 0);

CREATE TABLE organizations (
    id         BLOB    PRIMARY KEY CHECK (length(id) = 16),
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;

-- Among deleted ones too: a program that knows one by name must not follow another.
CREATE UNIQUE INDEX organizations_name ON organizations (name);

CREATE TABLE signing_keys (
    id          BLOB    PRIMARY KEY CHECK (length(id) = 16),
    org_id      BLOB    NOT NULL REFERENCES organizations (id),
    name        TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    public_key  BLOB    NOT NULL CHECK (length(public_key) = 32),
    wrapped_key BLOB    NOT NULL,
    created_at  INTEGER NOT NULL,
    revoked_at  INTEGER
) STRICT;

CREATE UNIQUE INDEX signing_keys_live_name ON signing_keys (org_id, name) WHERE revoked_at IS NULL;
CREATE UNIQUE INDEX signing_keys_fingerprint ON signing_keys (org_id, fingerprint);

-- A denied fingerprint is a row that is revoked from the start; its public key
-- need not be known.
CREATE TABLE trusted_keys (
    id          BLOB    PRIMARY KEY CHECK (length(id) = 16),
    org_id      BLOB    NOT NULL REFERENCES organizations (id),
    fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    public_key  BLOB    CHECK (length(public_key) = 32),
    name        TEXT,
    created_at  INTEGER NOT NULL,
    revoked_at  INTEGER,
    CHECK (public_key IS NOT NULL OR revoked_at IS NOT NULL)
) STRICT;

CREATE UNIQUE INDEX trusted_keys_fingerprint ON trusted_keys (org_id, fingerprint);
CREATE INDEX trusted_keys_holders ON trusted_keys (fingerprint) WHERE revoked_at IS NULL;

CREATE TABLE trust_grants (
    id            BLOB    PRIMARY KEY CHECK (length(id) = 16),
    parent_org_id BLOB    NOT NULL REFERENCES organizations (id),
    child_org_id  BLOB    NOT NULL REFERENCES organizations (id),
    created_at    INTEGER NOT NULL,
    revoked_at    INTEGER,
    CHECK (parent_org_id <> child_org_id)
) STRICT;

CREATE UNIQUE INDEX trust_grants_live ON trust_grants (parent_org_id, child_org_id)
    WHERE revoked_at IS NULL;

CREATE TABLE package_signatures (
    id              BLOB    PRIMARY KEY CHECK (length(id) = 16),
    org_id          BLOB    NOT NULL REFERENCES organizations (id),
    package_digest  BLOB    NOT NULL CHECK (length(package_digest) = 32),
    envelope        TEXT    NOT NULL CHECK (length(envelope) <= 65536),
    envelope_digest BLOB    NOT NULL CHECK (length(envelope_digest) = 32),
    created_at      INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX package_signatures_envelope
    ON package_signatures (org_id, package_digest, envelope_digest);
CREATE INDEX package_signatures_newest
    ON package_signatures (org_id, package_digest, created_at);

CREATE TABLE audit_heads (
    org_id     BLOB    PRIMARY KEY REFERENCES organizations (id),
    sequence   INTEGER NOT NULL CHECK (sequence >= 0),
    entry_hash BLOB    NOT NULL CHECK (length(entry_hash) = 32)
) STRICT;

CREATE TABLE audit_log (
    org_id        BLOB    NOT NULL REFERENCES organizations (id),
    sequence      INTEGER NOT NULL CHECK (sequence >= 1),
    occurred_at   INTEGER NOT NULL,
    event_type    TEXT    NOT NULL,
    details       TEXT    NOT NULL,
    previous_hash BLOB    NOT NULL CHECK (length(previous_hash) = 32),
    entry_hash    BLOB    NOT NULL CHECK (length(entry_hash) = 32),
    PRIMARY KEY (org_id, sequence)
) STRICT, WITHOUT ROWID;

-- REPLACE deletes without firing the trigger for it.
CREATE TRIGGER audit_log_is_not_replaced BEFORE INSERT ON audit_log
WHEN EXISTS (SELECT 1 FROM audit_log WHERE org_id = NEW.org_id AND sequence = NEW.sequence)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_log_is_not_updated BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_log_is_not_deleted BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

-- Every change of trust raises the epoch in its own transaction, whoever makes it.
CREATE TRIGGER organizations_insert_epoch AFTER INSERT ON organizations
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1; END;
CREATE TRIGGER organizations_update_epoch AFTER UPDATE ON organizations
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1; END;
CREATE TRIGGER organizations_delete_epoch AFTER DELETE ON organizations
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1; END;
CREATE TRIGGER trusted_keys_insert_epoch AFTER INSERT ON trusted_keys
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1; END;
CREATE TRIGGER trusted_keys_update_epoch AFTER UPDATE ON trusted_keys
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1; END;
CREATE TRIGGER trusted_keys_delete_epoch AFTER DELETE ON trusted_keys
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1; END;
CREATE TRIGGER trust_grants_insert_epoch AFTER INSERT ON trust_grants
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1; END;
CREATE TRIGGER trust_grants_update_epoch AFTER UPDATE ON trust_grants
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1; END;
CREATE TRIGGER trust_grants_delete_epoch AFTER DELETE ON trust_grants
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1; END;
