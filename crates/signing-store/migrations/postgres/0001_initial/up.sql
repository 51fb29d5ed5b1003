CREATE TABLE store_state (
    singleton   BIGINT PRIMARY KEY CHECK (singleton = 1),
    store_id    UUID   NOT NULL,
    trust_epoch BIGINT NOT NULL CHECK (trust_epoch >= 0),
    kek_id      BYTEA  CHECK (octet_length(kek_id) = 16)
);

INSERT INTO store_state (singleton, store_id, trust_epoch) VALUES (1, gen_random_uuid(), 0);

CREATE TABLE organizations (
    id         UUID        PRIMARY KEY,
    name       TEXT        NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    deleted_at TIMESTAMPTZ
);

-- Among deleted ones too: a program that knows one by name must not follow another.
CREATE UNIQUE INDEX organizations_name ON organizations (name);

CREATE TABLE signing_keys (
    id          UUID        PRIMARY KEY,
    org_id      UUID        NOT NULL REFERENCES organizations (id),
    name        TEXT        NOT NULL,
    fingerprint BYTEA       NOT NULL CHECK (octet_length(fingerprint) = 32),
    public_key  BYTEA       NOT NULL CHECK (octet_length(public_key) = 32),
    wrapped_key BYTEA       NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    revoked_at  TIMESTAMPTZ
);

CREATE UNIQUE INDEX signing_keys_live_name ON signing_keys (org_id, name) WHERE revoked_at IS NULL;
CREATE UNIQUE INDEX signing_keys_fingerprint ON signing_keys (org_id, fingerprint);

-- A denied fingerprint is a row that is revoked from the start; its public key
-- need not be known.
CREATE TABLE trusted_keys (
    id          UUID        PRIMARY KEY,
    org_id      UUID        NOT NULL REFERENCES organizations (id),
    fingerprint BYTEA       NOT NULL CHECK (octet_length(fingerprint) = 32),
    public_key  BYTEA       CHECK (octet_length(public_key) = 32),
    name        TEXT,
    created_at  TIMESTAMPTZ NOT NULL,
    revoked_at  TIMESTAMPTZ,
    CHECK (public_key IS NOT NULL OR revoked_at IS NOT NULL)
);

CREATE UNIQUE INDEX trusted_keys_fingerprint ON trusted_keys (org_id, fingerprint);
CREATE INDEX trusted_keys_holders ON trusted_keys (fingerprint) WHERE revoked_at IS NULL;

CREATE TABLE trust_grants (
    id            UUID        PRIMARY KEY,
    parent_org_id UUID        NOT NULL REFERENCES organizations (id),
    child_org_id  UUID        NOT NULL REFERENCES organizations (id),
    created_at    TIMESTAMPTZ NOT NULL,
    revoked_at    TIMESTAMPTZ,
    CHECK (parent_org_id <> child_org_id)
);

CREATE UNIQUE INDEX trust_grants_live ON trust_grants (parent_org_id, child_org_id)
    WHERE revoked_at IS NULL;

CREATE TABLE package_signatures (
    id              UUID        PRIMARY KEY,
    org_id          UUID        NOT NULL REFERENCES organizations (id),
    package_digest  BYTEA       NOT NULL CHECK (octet_length(package_digest) = 32),
    envelope        TEXT        NOT NULL CHECK (length(envelope) <= 65536),
    envelope_digest BYTEA       NOT NULL CHECK (octet_length(envelope_digest) = 32),
    created_at      TIMESTAMPTZ NOT NULL
);

CREATE UNIQUE INDEX package_signatures_envelope
    ON package_signatures (org_id, package_digest, envelope_digest);
CREATE INDEX package_signatures_newest
    ON package_signatures (org_id, package_digest, created_at);

CREATE TABLE audit_heads (
    org_id     UUID   PRIMARY KEY REFERENCES organizations (id),
    sequence   BIGINT NOT NULL CHECK (sequence >= 0),
    entry_hash BYTEA  NOT NULL CHECK (octet_length(entry_hash) = 32)
);

CREATE TABLE audit_log (
    org_id        UUID        NOT NULL REFERENCES organizations (id),
    sequence      BIGINT      NOT NULL CHECK (sequence >= 1),
    occurred_at   TIMESTAMPTZ NOT NULL,
    event_type    TEXT        NOT NULL,
    details       TEXT        NOT NULL,
    previous_hash BYTEA       NOT NULL CHECK (octet_length(previous_hash) = 32),
    entry_hash    BYTEA       NOT NULL CHECK (octet_length(entry_hash) = 32),
    PRIMARY KEY (org_id, sequence)
);

CREATE FUNCTION cloacina_audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;

CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION cloacina_audit_log_is_append_only();

-- Every change of trust raises the epoch in its own transaction, whoever makes it,
-- and tells whoever listens when that transaction commits. The functions run with the
-- rights of whoever makes the change: with their owner's, any role that can make a
-- temporary table could lead them to code of its own.
CREATE FUNCTION cloacina_raise_trust_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    raised BIGINT;
BEGIN
    UPDATE store_state SET trust_epoch = trust_epoch + 1 RETURNING trust_epoch INTO raised;
    PERFORM pg_notify('cloacina_trust', raised::text);
    RETURN NULL;
END
$$;

CREATE TRIGGER organizations_epoch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON organizations
    FOR EACH STATEMENT EXECUTE FUNCTION cloacina_raise_trust_epoch();
CREATE TRIGGER trusted_keys_epoch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON trusted_keys
    FOR EACH STATEMENT EXECUTE FUNCTION cloacina_raise_trust_epoch();
CREATE TRIGGER trust_grants_epoch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON trust_grants
    FOR EACH STATEMENT EXECUTE FUNCTION cloacina_raise_trust_epoch();
