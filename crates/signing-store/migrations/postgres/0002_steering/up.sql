-- Names the present state of trust. Unlike the epoch it never comes again, not even
-- after the database was restored from a backup.
ALTER TABLE store_state ADD COLUMN trust_state UUID NOT NULL DEFAULT gen_random_uuid();

CREATE OR REPLACE FUNCTION cloacina_raise_trust_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    raised BIGINT;
BEGIN
    UPDATE store_state SET trust_epoch = trust_epoch + 1, trust_state = gen_random_uuid()
    RETURNING trust_epoch INTO raised;
    PERFORM pg_notify('cloacina_trust', raised::text);
    RETURN NULL;
END
$$;

ALTER TABLE signing_keys
    ADD COLUMN revocation_reason TEXT CHECK (revocation_reason IN ('retired', 'compromised')),
    ADD COLUMN revocation_note   TEXT,
    ADD COLUMN predecessor_id    UUID REFERENCES signing_keys (id);

UPDATE signing_keys SET revocation_reason = 'retired' WHERE revoked_at IS NOT NULL;

-- A key has one successor at a time, so that a rotation that is begun again goes on.
CREATE UNIQUE INDEX signing_keys_successor ON signing_keys (predecessor_id)
    WHERE revoked_at IS NULL AND predecessor_id IS NOT NULL;

-- A denial that is taken back leaves a row without key and without revocation, which
-- says nothing.
ALTER TABLE trusted_keys
    DROP CONSTRAINT trusted_keys_check,
    ADD COLUMN revocation_reason TEXT CHECK (revocation_reason IN ('retired', 'compromised')),
    ADD COLUMN revocation_note   TEXT,
    ADD COLUMN expires_at        TIMESTAMPTZ;

UPDATE trusted_keys SET revocation_reason = 'retired' WHERE revoked_at IS NOT NULL;

-- Only a question that says that the key is known can use this index: where many hold
-- a key, going through the grants is faster, and such a question leaves that out.
DROP INDEX trusted_keys_holders;
CREATE INDEX trusted_keys_holders ON trusted_keys (fingerprint) WHERE public_key IS NOT NULL;

-- What a grant is limited to: a JSON array of patterns for package names, and a time.
ALTER TABLE trust_grants
    ADD COLUMN packages   TEXT,
    ADD COLUMN expires_at TIMESTAMPTZ;

-- Fingerprints that every organisation refuses, for good.
CREATE TABLE compromised_keys (
    fingerprint BYTEA       PRIMARY KEY CHECK (octet_length(fingerprint) = 32),
    declared_by UUID        NOT NULL REFERENCES organizations (id),
    declared_at TIMESTAMPTZ NOT NULL,
    note        TEXT
);

-- The lowest version of a package that an organisation accepts, if it still has one.
CREATE TABLE version_floors (
    org_id       UUID        NOT NULL REFERENCES organizations (id),
    package_name TEXT        NOT NULL,
    floor        TEXT,
    set_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (org_id, package_name)
);

CREATE TRIGGER compromised_keys_epoch
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON compromised_keys
    FOR EACH STATEMENT EXECUTE FUNCTION cloacina_raise_trust_epoch();
CREATE TRIGGER version_floors_epoch
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON version_floors
    FOR EACH STATEMENT EXECUTE FUNCTION cloacina_raise_trust_epoch();
