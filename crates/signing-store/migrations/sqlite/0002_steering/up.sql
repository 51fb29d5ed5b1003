-- Names the present state of trust. Unlike the epoch it never comes again, not even
-- after the database was restored from a backup.
ALTER TABLE store_state ADD COLUMN trust_state BLOB CHECK (length(trust_state) = 16);
UPDATE store_state SET trust_state = randomblob(16);

DROP TRIGGER organizations_insert_epoch;
CREATE TRIGGER organizations_insert_epoch AFTER INSERT ON organizations
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
DROP TRIGGER organizations_update_epoch;
CREATE TRIGGER organizations_update_epoch AFTER UPDATE ON organizations
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
DROP TRIGGER organizations_delete_epoch;
CREATE TRIGGER organizations_delete_epoch AFTER DELETE ON organizations
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
DROP TRIGGER trust_grants_insert_epoch;
CREATE TRIGGER trust_grants_insert_epoch AFTER INSERT ON trust_grants
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
DROP TRIGGER trust_grants_update_epoch;
CREATE TRIGGER trust_grants_update_epoch AFTER UPDATE ON trust_grants
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
DROP TRIGGER trust_grants_delete_epoch;
CREATE TRIGGER trust_grants_delete_epoch AFTER DELETE ON trust_grants
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;

ALTER TABLE signing_keys
    ADD COLUMN revocation_reason TEXT CHECK (revocation_reason IN ('retired', 'compromised'));
ALTER TABLE signing_keys ADD COLUMN revocation_note TEXT;
ALTER TABLE signing_keys ADD COLUMN predecessor_id BLOB REFERENCES signing_keys (id);

UPDATE signing_keys SET revocation_reason = 'retired' WHERE revoked_at IS NOT NULL;

-- A key has one successor at a time, so that a rotation that is begun again goes on.
CREATE UNIQUE INDEX signing_keys_successor ON signing_keys (predecessor_id)
    WHERE revoked_at IS NULL AND predecessor_id IS NOT NULL;

-- A denial that is taken back leaves a row without key and without revocation, which
-- says nothing. SQLite cannot drop the constraint that forbids it, so the table is made
-- anew.
CREATE TABLE trusted_keys_anew (
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

INSERT INTO trusted_keys_anew
SELECT id, org_id, fingerprint, public_key, name, created_at, revoked_at,
       CASE WHEN revoked_at IS NOT NULL THEN 'retired' END, NULL, NULL
FROM trusted_keys;

DROP TABLE trusted_keys;
ALTER TABLE trusted_keys_anew RENAME TO trusted_keys;

CREATE UNIQUE INDEX trusted_keys_fingerprint ON trusted_keys (org_id, fingerprint);
-- Only a question that says that the key is known can use this index: where many hold
-- a key, going through the grants is faster, and such a question leaves that out.
CREATE INDEX trusted_keys_holders ON trusted_keys (fingerprint) WHERE public_key IS NOT NULL;

CREATE TRIGGER trusted_keys_insert_epoch AFTER INSERT ON trusted_keys
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
CREATE TRIGGER trusted_keys_update_epoch AFTER UPDATE ON trusted_keys
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;
CREATE TRIGGER trusted_keys_delete_epoch AFTER DELETE ON trusted_keys
BEGIN UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = randomblob(16); END;

-- What a grant is limited to: a JSON array of patterns for package names, and a time.
ALTER TABLE trust_grants ADD COLUMN packages TEXT;
ALTER TABLE trust_grants ADD COLUMN expires_at INTEGER;

-- Fingerprints that every organisation refuses, for good.
CREATE TABLE compromised_keys (
    fingerprint BLOB    PRIMARY KEY CHECK (length(fingerprint) = 32),
    declared_by BLOB    NOT NULL REFERENCES organizations (id),
    declared_at INTEGER NOT NULL,
    note        TEXT
) STRICT, WITHOUT ROWID;

-- The lowest version of a package that an organisation accepts, if it still has one.
CREATE TABLE version_floors (
    org_id       BLOB    NOT NULL REFERENCES organizations (id),
    package_name TEXT    NOT NULL,
    floor        TEXT,
    set_at       INTEGER NOT NULL,
    PRIMARY KEY (org_id, package_name)
) STRICT, WITHOUT ROWID;

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
