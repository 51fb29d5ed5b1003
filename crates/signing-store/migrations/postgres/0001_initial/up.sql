-- The tables of a store. They are made in the schema `cloacina`, which exists already and
-- which only its owner and administrators may use. What runners and signers see of them is
-- at the end: views in a schema of their own.

-- One row: which store this is, and the state of trust in it. Every change of trust
-- replaces `trust_state`, which never comes again, and raises `trust_epoch`.
CREATE TABLE store_state (
    singleton      BIGINT PRIMARY KEY CHECK (singleton = 1),
    store_id       UUID   NOT NULL,
    trust_epoch    BIGINT NOT NULL CHECK (trust_epoch >= 0),
    trust_state    UUID   NOT NULL,
    -- The number of the last migration. Every answer about trust tells it: a program that
    -- was running when a newer one migrated would not know what new tables restrict.
    schema_version BIGINT NOT NULL,
    kek_id         BYTEA  CHECK (octet_length(kek_id) = 16)
);

-- Every state of trust that there has been. A program that has seen one of them takes no
-- answer from a store that has not: that one was set back. It grows by some 80 bytes with
-- each change, a fraction of the change's entry in the audit log.
CREATE TABLE trust_history (
    epoch BIGINT PRIMARY KEY,
    state UUID   NOT NULL
);

-- A deleted organization stays as a row, so that its log stays whole.
CREATE TABLE organizations (
    id         UUID        PRIMARY KEY,
    name       TEXT        NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    deleted_at TIMESTAMPTZ
);

-- Among deleted ones too: a program that knows one by name must not follow another.
CREATE UNIQUE INDEX organizations_name ON organizations (name);

CREATE TABLE signing_keys (
    id                UUID        PRIMARY KEY,
    org_id            UUID        NOT NULL REFERENCES organizations (id),
    name              TEXT        NOT NULL,
    fingerprint       BYTEA       NOT NULL CHECK (octet_length(fingerprint) = 32),
    public_key        BYTEA       NOT NULL CHECK (octet_length(public_key) = 32),
    -- The private key, encrypted with the key encryption key.
    wrapped_key       BYTEA       NOT NULL,
    created_at        TIMESTAMPTZ NOT NULL,
    revoked_at        TIMESTAMPTZ,
    revocation_reason TEXT        CHECK (revocation_reason IN ('retired', 'compromised')),
    revocation_note   TEXT,
    -- The key that this one was made to replace.
    predecessor_id    UUID        REFERENCES signing_keys (id)
);

CREATE UNIQUE INDEX signing_keys_live_name ON signing_keys (org_id, name)
    WHERE revoked_at IS NULL;
CREATE UNIQUE INDEX signing_keys_fingerprint ON signing_keys (org_id, fingerprint);
-- A key has one successor at a time, so a rotation that is started again continues.
CREATE UNIQUE INDEX signing_keys_successor ON signing_keys (predecessor_id)
    WHERE revoked_at IS NULL AND predecessor_id IS NOT NULL;

-- What an organization says about a public key. A key that is denied by its fingerprint
-- is a row without the key. A denial that was taken back leaves a row that says nothing.
CREATE TABLE trusted_keys (
    id                UUID        PRIMARY KEY,
    org_id            UUID        NOT NULL REFERENCES organizations (id),
    fingerprint       BYTEA       NOT NULL CHECK (octet_length(fingerprint) = 32),
    public_key        BYTEA       CHECK (octet_length(public_key) = 32),
    name              TEXT,
    created_at        TIMESTAMPTZ NOT NULL,
    revoked_at        TIMESTAMPTZ,
    revocation_reason TEXT        CHECK (revocation_reason IN ('retired', 'compromised')),
    revocation_note   TEXT,
    expires_at        TIMESTAMPTZ
);

CREATE UNIQUE INDEX trusted_keys_fingerprint ON trusted_keys (org_id, fingerprint);
-- Only a question that says that the key is known can use this index: where many hold
-- a key, going through the grants is faster, and such a question leaves that out.
CREATE INDEX trusted_keys_holders ON trusted_keys (fingerprint) WHERE public_key IS NOT NULL;

-- The parent accepts what the child trusts directly: for the packages that match one of
-- the patterns (a JSON array), and until `expires_at`, if they are given.
CREATE TABLE trust_grants (
    id            UUID        PRIMARY KEY,
    parent_org_id UUID        NOT NULL REFERENCES organizations (id),
    child_org_id  UUID        NOT NULL REFERENCES organizations (id),
    created_at    TIMESTAMPTZ NOT NULL,
    revoked_at    TIMESTAMPTZ,
    packages      TEXT,
    expires_at    TIMESTAMPTZ,
    CHECK (parent_org_id <> child_org_id)
);

CREATE UNIQUE INDEX trust_grants_live ON trust_grants (parent_org_id, child_org_id)
    WHERE revoked_at IS NULL;

-- Fingerprints that every organization refuses, and always will.
CREATE TABLE compromised_keys (
    fingerprint BYTEA       PRIMARY KEY CHECK (octet_length(fingerprint) = 32),
    declared_by UUID        NOT NULL REFERENCES organizations (id),
    declared_at TIMESTAMPTZ NOT NULL,
    note        TEXT
);

-- The lowest version of a package that an organization accepts, if it still has one.
CREATE TABLE version_floors (
    org_id       UUID        NOT NULL REFERENCES organizations (id),
    package_name TEXT        NOT NULL,
    floor        TEXT,
    set_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (org_id, package_name)
);

-- An organization's signed documents: root documents, statements of trust, and revocations.
-- The newest statement and the newest revocations count. Older ones stay, for the audit. The
-- store does not judge a document, so the database limits only its size. The server sets the
-- time.
CREATE TABLE trust_documents (
    org_id     UUID        NOT NULL REFERENCES organizations (id),
    -- The order of the kinds, by which they are looked up, is the same in every database.
    kind       TEXT        COLLATE "C" NOT NULL
                           CHECK (kind IN ('root', 'statement', 'revocations')),
    version    BIGINT      NOT NULL CHECK (version BETWEEN 1 AND 4294967295),
    envelope   TEXT        NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT statement_timestamp(),
    PRIMARY KEY (org_id, kind, version),
    CHECK (octet_length(envelope) <= CASE kind WHEN 'root' THEN 98304 ELSE 6291456 END)
);

-- Signatures about packages. The server sets the time: no role may write it, so none can
-- put a signature before all later ones.
CREATE TABLE package_signatures (
    id              UUID        PRIMARY KEY,
    org_id          UUID        NOT NULL REFERENCES organizations (id),
    package_digest  BYTEA       NOT NULL CHECK (octet_length(package_digest) = 32),
    envelope        TEXT        NOT NULL CHECK (octet_length(envelope) <= 65536),
    envelope_digest BYTEA       NOT NULL CHECK (octet_length(envelope_digest) = 32),
    created_at      TIMESTAMPTZ NOT NULL DEFAULT statement_timestamp()
);

CREATE UNIQUE INDEX package_signatures_envelope
    ON package_signatures (org_id, package_digest, envelope_digest);
CREATE INDEX package_signatures_newest
    ON package_signatures (org_id, package_digest, created_at DESC, id);
-- An organization's signatures are read page by page, however many others keep.
CREATE INDEX package_signatures_pages ON package_signatures (org_id, id);

-- The last entry of each organization's audit log.
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

-- Locks are rows that say nothing. A role can lock one only if it may update it, so no role
-- can hold a lock that it has no use for. They are not tables: a role that prepares a
-- statement locks its tables before the server checks any right.

-- Keeping a signing key locks this row, and so does wrapping all keys with another key
-- encryption key.
CREATE TABLE kek_lock (
    singleton BIGINT PRIMARY KEY CHECK (singleton = 1)
);

-- Keeping a signature locks its organization's row. No change of trust does.
CREATE TABLE signature_locks (
    org_id UUID    PRIMARY KEY REFERENCES organizations (id),
    locked BOOLEAN NOT NULL DEFAULT TRUE CHECK (locked)
);

-- For which organization a role reads wrapped keys and keeps signatures; without one, for
-- all. `cloacina db grants` writes it. The role is kept by its number: another role that
-- gets its name later inherits nothing, and a role that is renamed stays the same.
CREATE TABLE role_organizations (
    role   REGROLE NOT NULL,
    org_id UUID    REFERENCES organizations (id),
    UNIQUE (role, org_id)
);

INSERT INTO store_state (singleton, store_id, trust_epoch, trust_state, schema_version)
VALUES (1, gen_random_uuid(), 0, gen_random_uuid(), 1);
INSERT INTO trust_history (epoch, state) SELECT trust_epoch, trust_state FROM store_state;
INSERT INTO kek_lock (singleton) VALUES (1);

-- The functions below that run with their owner's rights (SECURITY DEFINER) name every
-- table with its schema and set their own search path, so no role can lead them to
-- objects of its own. Triggers are ENABLE ALWAYS: they also fire in a session that says
-- that it replays somebody else's changes (session_replication_role = replica).

CREATE FUNCTION refuse_change_of_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;

CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit_log();
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_is_append_only;

-- Every change of trust raises the epoch in its own transaction, also one that is made by
-- hand. It notifies nobody: a notification in this transaction would make the change fail
-- when the server's queue is full, which any role can bring about.
CREATE FUNCTION raise_trust_epoch() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE cloacina.store_state
    SET trust_epoch = trust_epoch + 1, trust_state = gen_random_uuid() WHERE singleton = 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the store has no state';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION record_trust_state() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO cloacina.trust_history (epoch, state) VALUES (NEW.trust_epoch, NEW.trust_state);
    RETURN NULL;
END
$$;

-- Nobody else can put them on a table.
REVOKE EXECUTE ON FUNCTION raise_trust_epoch() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION record_trust_state() FROM PUBLIC;

CREATE TRIGGER store_state_history AFTER UPDATE OF trust_epoch, trust_state ON store_state
    FOR EACH ROW
    WHEN ((NEW.trust_epoch, NEW.trust_state) IS DISTINCT FROM (OLD.trust_epoch, OLD.trust_state))
    EXECUTE FUNCTION record_trust_state();
ALTER TABLE store_state ENABLE ALWAYS TRIGGER store_state_history;

CREATE TRIGGER organizations_epoch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON organizations
    FOR EACH STATEMENT EXECUTE FUNCTION raise_trust_epoch();
ALTER TABLE organizations ENABLE ALWAYS TRIGGER organizations_epoch;
CREATE TRIGGER trusted_keys_epoch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON trusted_keys
    FOR EACH STATEMENT EXECUTE FUNCTION raise_trust_epoch();
ALTER TABLE trusted_keys ENABLE ALWAYS TRIGGER trusted_keys_epoch;
CREATE TRIGGER trust_grants_epoch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON trust_grants
    FOR EACH STATEMENT EXECUTE FUNCTION raise_trust_epoch();
ALTER TABLE trust_grants ENABLE ALWAYS TRIGGER trust_grants_epoch;
CREATE TRIGGER compromised_keys_epoch
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON compromised_keys
    FOR EACH STATEMENT EXECUTE FUNCTION raise_trust_epoch();
ALTER TABLE compromised_keys ENABLE ALWAYS TRIGGER compromised_keys_epoch;
CREATE TRIGGER version_floors_epoch
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON version_floors
    FOR EACH STATEMENT EXECUTE FUNCTION raise_trust_epoch();
ALTER TABLE version_floors ENABLE ALWAYS TRIGGER version_floors_epoch;
CREATE TRIGGER trust_documents_epoch
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON trust_documents
    FOR EACH STATEMENT EXECUTE FUNCTION raise_trust_epoch();
ALTER TABLE trust_documents ENABLE ALWAYS TRIGGER trust_documents_epoch;

-- Whether the role `who` may read wrapped keys and keep signatures for `org`: the owner
-- may, and a role that `role_organizations` names, directly or as a member of another role.
CREATE FUNCTION acts_for(who NAME, org UUID) RETURNS BOOLEAN
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_has_role(who, current_user, 'USAGE') OR EXISTS (
        SELECT FROM cloacina.role_organizations AS bound
        WHERE (bound.org_id = org OR bound.org_id IS NULL)
          AND pg_has_role(who, bound.role, 'USAGE')
    )
$$;

-- Whether the role `who` can act as the owner of the store or as a superuser. No statement can
-- limit such a role, and one that took the owner's rights away would take them from the
-- triggers and views, which run with them.
CREATE FUNCTION can_act_as_owner(who NAME) RETURNS BOOLEAN
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM pg_roles AS role CROSS JOIN pg_roles AS other
        WHERE role.rolname = who AND pg_has_role(role.oid, other.oid, 'MEMBER')
          AND (other.rolsuper OR other.oid IN (
              SELECT nspowner FROM pg_namespace
              WHERE nspname IN ('cloacina', 'cloacina_views')))
    )
$$;

CREATE FUNCTION refuse_signature() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE insufficient_privilege
        USING MESSAGE = 'permission denied to keep signatures for this organization';
END
$$;

CREATE TRIGGER package_signatures_of_a_role BEFORE INSERT ON package_signatures FOR EACH ROW
    WHEN (NOT acts_for(CURRENT_USER, NEW.org_id)) EXECUTE FUNCTION refuse_signature();
ALTER TABLE package_signatures ENABLE ALWAYS TRIGGER package_signatures_of_a_role;

-- What runners and signers see. Who can name a table can ask for its strongest lock
-- without any right to it (CREATE RULE is refused only when it has the lock), and while
-- that request waits, every change of the table waits behind it. So these roles may not
-- use the schema `cloacina`, and can name views only, which no change of trust touches.
--
-- Every connection searches `cloacina`, then `cloacina_views`: the server leaves out the
-- schemas that a role may not use, so one statement serves all roles.
CREATE SCHEMA cloacina_views;

CREATE VIEW cloacina_views.schema_migrations AS SELECT * FROM schema_migrations;
CREATE VIEW cloacina_views.store_state AS SELECT * FROM store_state;
CREATE VIEW cloacina_views.trust_history AS SELECT * FROM trust_history;
CREATE VIEW cloacina_views.organizations AS SELECT * FROM organizations;
CREATE VIEW cloacina_views.trusted_keys AS SELECT * FROM trusted_keys;
CREATE VIEW cloacina_views.trust_grants AS SELECT * FROM trust_grants;
CREATE VIEW cloacina_views.compromised_keys AS SELECT * FROM compromised_keys;
CREATE VIEW cloacina_views.version_floors AS SELECT * FROM version_floors;
CREATE VIEW cloacina_views.trust_documents AS SELECT * FROM trust_documents;
CREATE VIEW cloacina_views.package_signatures AS SELECT * FROM package_signatures;
-- These they may not read. They are here so that the server says so.
CREATE VIEW cloacina_views.audit_heads AS SELECT * FROM audit_heads;
CREATE VIEW cloacina_views.audit_log AS SELECT * FROM audit_log;
CREATE VIEW cloacina_views.kek_lock AS SELECT * FROM kek_lock;
-- A barrier keeps a function in a role's own statement from seeing the rows left out.
CREATE VIEW cloacina_views.signing_keys WITH (security_barrier) AS
    SELECT * FROM signing_keys WHERE acts_for(CURRENT_USER, org_id);
CREATE VIEW cloacina_views.signature_locks WITH (security_barrier) AS
    SELECT * FROM signature_locks WHERE acts_for(CURRENT_USER, org_id);
