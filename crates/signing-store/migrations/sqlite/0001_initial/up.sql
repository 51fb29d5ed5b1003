-- The tables of a store.

-- One row: which store this is, and the state of trust in it. Every change of trust
-- replaces `trust_state`, which never comes again, and raises `trust_epoch`.
CREATE TABLE store_state (
    singleton      INTEGER PRIMARY KEY CHECK (singleton = 1),
    store_id       BLOB    NOT NULL CHECK (length(store_id) = 16),
    trust_epoch    INTEGER NOT NULL CHECK (trust_epoch >= 0),
    trust_state    BLOB    NOT NULL CHECK (length(trust_state) = 16),
    -- The number of the last migration. Every answer about trust tells it: a program that
    -- was running when a newer one migrated would not know what new tables restrict.
    schema_version INTEGER NOT NULL,
    kek_id         BLOB    CHECK (length(kek_id) = 16)
) STRICT;

-- Every state of trust that there has been. A program that has seen one of them takes no
-- answer from a store that has not: that one was set back. It grows by some 30 bytes with
-- each change, a fraction of the change's entry in the audit log.
CREATE TABLE trust_history (
    epoch INTEGER PRIMARY KEY,
    state BLOB    NOT NULL CHECK (length(state) = 16)
) STRICT;

-- A deleted organization stays as a row, so that its log stays whole.
CREATE TABLE organizations (
    id         BLOB    PRIMARY KEY CHECK (length(id) = 16),
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;

-- Among deleted ones too: a program that knows one by name must not follow another.
CREATE UNIQUE INDEX organizations_name ON organizations (name);

CREATE TABLE signing_keys (
    id                BLOB    PRIMARY KEY CHECK (length(id) = 16),
    org_id            BLOB    NOT NULL REFERENCES organizations (id),
    name              TEXT    NOT NULL,
    fingerprint       BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    public_key        BLOB    NOT NULL CHECK (length(public_key) = 32),
    -- The private key, encrypted with the key encryption key.
    wrapped_key       BLOB    NOT NULL,
    created_at        INTEGER NOT NULL,
    revoked_at        INTEGER,
    revocation_reason TEXT    CHECK (revocation_reason IN ('retired', 'compromised')),
    revocation_note   TEXT,
    -- The key that this one was made to replace.
    predecessor_id    BLOB    REFERENCES signing_keys (id)
) STRICT;

CREATE UNIQUE INDEX signing_keys_live_name ON signing_keys (org_id, name)
    WHERE revoked_at IS NULL;
CREATE UNIQUE INDEX signing_keys_fingerprint ON signing_keys (org_id, fingerprint);
-- A key has one successor at a time, so a rotation that is started again continues.
CREATE UNIQUE INDEX signing_keys_successor ON signing_keys (predecessor_id)
    WHERE revoked_at IS NULL AND predecessor_id IS NOT NULL;

-- What an organization says about a public key. A key that is denied by its fingerprint
-- is a row without the key. A denial that was taken back leaves a row that says nothing.
CREATE TABLE trusted_keys (
    id                BLOB    PRIMARY KEY CHECK (length(id) = 16),
    org_id            BLOB    NOT NULL REFERENCES organizations (id),
    fingerprint       BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    public_key        BLOB    CHECK (length(public_key) = 32),
    name              TEXT,
    created_at        INTEGER NOT NULL,
    revoked_at        INTEGER,
    revocation_reason TEXT    CHECK (revocation_reason IN ('retired', 'compromised')),
    revocation_note   TEXT,
    expires_at        INTEGER
) STRICT;

CREATE UNIQUE INDEX trusted_keys_fingerprint ON trusted_keys (org_id, fingerprint);
-- Only a question that says that the key is known can use this index: where many hold
-- a key, going through the grants is faster, and such a question leaves that out.
CREATE INDEX trusted_keys_holders ON trusted_keys (fingerprint) WHERE public_key IS NOT NULL;

-- The parent accepts what the child trusts directly: for the packages that match one of
-- the patterns (a JSON array), and until `expires_at`, if they are given.
CREATE TABLE trust_grants (
    id            BLOB    PRIMARY KEY CHECK (length(id) = 16),
    parent_org_id BLOB    NOT NULL REFERENCES organizations (id),
    child_org_id  BLOB    NOT NULL REFERENCES organizations (id),
    created_at    INTEGER NOT NULL,
    revoked_at    INTEGER,
    packages      TEXT,
    expires_at    INTEGER,
    CHECK (parent_org_id <> child_org_id)
) STRICT;

CREATE UNIQUE INDEX trust_grants_live ON trust_grants (parent_org_id, child_org_id)
    WHERE revoked_at IS NULL;

-- Fingerprints that every organization refuses, and always will.
CREATE TABLE compromised_keys (
    fingerprint BLOB    PRIMARY KEY CHECK (length(fingerprint) = 32),
    declared_by BLOB    NOT NULL REFERENCES organizations (id),
    declared_at INTEGER NOT NULL,
    note        TEXT
) STRICT, WITHOUT ROWID;

-- The lowest version of a package that an organization accepts, if it still has one.
CREATE TABLE version_floors (
    org_id       BLOB    NOT NULL REFERENCES organizations (id),
    package_name TEXT    NOT NULL,
    floor        TEXT,
    set_at       INTEGER NOT NULL,
    PRIMARY KEY (org_id, package_name)
) STRICT, WITHOUT ROWID;

-- An organization's signed documents: root documents, statements of trust, and revocations.
-- The newest statement and the newest revocations count. Older ones stay, for the audit. The
-- store does not judge a document, so the database limits only its size.
CREATE TABLE trust_documents (
    org_id     BLOB    NOT NULL REFERENCES organizations (id),
    kind       TEXT    NOT NULL CHECK (kind IN ('root', 'statement', 'revocations')),
    version    INTEGER NOT NULL CHECK (version BETWEEN 1 AND 4294967295),
    envelope   TEXT    NOT NULL,
    created_at INTEGER NOT NULL
                       DEFAULT (CAST(round(unixepoch('subsec') * 1000000) AS INTEGER)),
    PRIMARY KEY (org_id, kind, version),
    CHECK (octet_length(envelope) <= CASE kind WHEN 'root' THEN 98304 ELSE 6291456 END)
) STRICT;

-- Signatures about packages.
CREATE TABLE package_signatures (
    id              BLOB    PRIMARY KEY CHECK (length(id) = 16),
    org_id          BLOB    NOT NULL REFERENCES organizations (id),
    package_digest  BLOB    NOT NULL CHECK (length(package_digest) = 32),
    envelope        TEXT    NOT NULL CHECK (octet_length(envelope) <= 65536),
    envelope_digest BLOB    NOT NULL CHECK (length(envelope_digest) = 32),
    created_at      INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX package_signatures_envelope
    ON package_signatures (org_id, package_digest, envelope_digest);
CREATE INDEX package_signatures_newest
    ON package_signatures (org_id, package_digest, created_at DESC, id);
-- An organization's signatures are read page by page, however many others keep.
CREATE INDEX package_signatures_pages ON package_signatures (org_id, id);

-- The last entry of each organization's audit log.
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

INSERT INTO store_state (singleton, store_id, trust_epoch, trust_state, schema_version)
VALUES (1, randomblob(16), 0, randomblob(16), 1);
INSERT INTO trust_history (epoch, state) SELECT trust_epoch, trust_state FROM store_state;

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

-- Fires for the triggers that raise the epoch, and for everybody else who sets it.
CREATE TRIGGER store_state_history AFTER UPDATE OF trust_epoch, trust_state ON store_state
WHEN NEW.trust_epoch IS NOT OLD.trust_epoch OR NEW.trust_state IS NOT OLD.trust_state
BEGIN INSERT INTO trust_history (epoch, state) VALUES (NEW.trust_epoch, NEW.trust_state); END;

-- Every change of trust raises the epoch in its own transaction, also one that is made by
-- hand.
CREATE TRIGGER organizations_insert_epoch AFTER INSERT ON organizations
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
CREATE TRIGGER organizations_update_epoch AFTER UPDATE ON organizations
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
CREATE TRIGGER organizations_delete_epoch AFTER DELETE ON organizations
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
CREATE TRIGGER trusted_keys_insert_epoch AFTER INSERT ON trusted_keys
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
CREATE TRIGGER trusted_keys_update_epoch AFTER UPDATE ON trusted_keys
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
CREATE TRIGGER trusted_keys_delete_epoch AFTER DELETE ON trusted_keys
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
CREATE TRIGGER trust_grants_insert_epoch AFTER INSERT ON trust_grants
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
CREATE TRIGGER trust_grants_update_epoch AFTER UPDATE ON trust_grants
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
CREATE TRIGGER trust_grants_delete_epoch AFTER DELETE ON trust_grants
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
CREATE TRIGGER compromised_keys_insert_epoch AFTER INSERT ON compromised_keys
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
CREATE TRIGGER compromised_keys_update_epoch AFTER UPDATE ON compromised_keys
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
CREATE TRIGGER compromised_keys_delete_epoch AFTER DELETE ON compromised_keys
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
CREATE TRIGGER version_floors_insert_epoch AFTER INSERT ON version_floors
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
CREATE TRIGGER version_floors_update_epoch AFTER UPDATE ON version_floors
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
CREATE TRIGGER version_floors_delete_epoch AFTER DELETE ON version_floors
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
CREATE TRIGGER trust_documents_insert_epoch AFTER INSERT ON trust_documents
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
CREATE TRIGGER trust_documents_update_epoch AFTER UPDATE ON trust_documents
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
CREATE TRIGGER trust_documents_delete_epoch AFTER DELETE ON trust_documents
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
