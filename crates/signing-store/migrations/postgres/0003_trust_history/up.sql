-- Every state of trust that there has been. A program that has seen one of them takes
-- no answer from a store that has not: it was set back, and has gone on from there. It
-- grows by some 80 bytes with each change, a fraction of the change's entry in the audit
-- log, so nothing is ever taken out.
CREATE TABLE trust_history (
    epoch BIGINT PRIMARY KEY,
    state UUID   NOT NULL
);

INSERT INTO trust_history (epoch, state) SELECT trust_epoch, trust_state FROM store_state;

-- From here on the functions run with their owner's rights, so that no other role needs
-- the right to write the state of trust by hand. What they name is qualified or in
-- pg_catalog, so that no role can lead them to code of its own, and nobody else can put
-- them on a table.
DO $do$
DECLARE
    home TEXT;
BEGIN
    SELECT n.nspname INTO STRICT home FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = 'store_state'::regclass;

    EXECUTE format($create$
        CREATE OR REPLACE FUNCTION cloacina_raise_trust_epoch() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
        DECLARE
            raised BIGINT;
        BEGIN
            UPDATE %1$I.store_state SET trust_epoch = trust_epoch + 1, trust_state = gen_random_uuid()
            WHERE singleton = 1 RETURNING trust_epoch INTO STRICT raised;
            PERFORM pg_notify('cloacina_trust', raised::text);
            RETURN NULL;
        END
        $body$
    $create$, home);

    EXECUTE format($create$
        CREATE FUNCTION cloacina_record_trust_state() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
        BEGIN
            INSERT INTO %1$I.trust_history (epoch, state) VALUES (NEW.trust_epoch, NEW.trust_state);
            RETURN NULL;
        END
        $body$
    $create$, home);
END
$do$;

REVOKE EXECUTE ON FUNCTION cloacina_raise_trust_epoch() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION cloacina_record_trust_state() FROM PUBLIC;

-- Fires for the triggers that raise the epoch, and for whoever else sets it.
CREATE TRIGGER store_state_history AFTER UPDATE OF trust_epoch, trust_state ON store_state
    FOR EACH ROW
    WHEN ((NEW.trust_epoch, NEW.trust_state) IS DISTINCT FROM (OLD.trust_epoch, OLD.trust_state))
    EXECUTE FUNCTION cloacina_record_trust_state();

-- Also in a session that says that it replays somebody else's changes
-- (session_replication_role = replica), which skips other triggers.
ALTER TABLE store_state ENABLE ALWAYS TRIGGER store_state_history;
ALTER TABLE organizations ENABLE ALWAYS TRIGGER organizations_epoch;
ALTER TABLE trusted_keys ENABLE ALWAYS TRIGGER trusted_keys_epoch;
ALTER TABLE trust_grants ENABLE ALWAYS TRIGGER trust_grants_epoch;
ALTER TABLE compromised_keys ENABLE ALWAYS TRIGGER compromised_keys_epoch;
ALTER TABLE version_floors ENABLE ALWAYS TRIGGER version_floors_epoch;
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_is_append_only;
