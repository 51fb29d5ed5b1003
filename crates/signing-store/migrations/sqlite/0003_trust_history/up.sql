-- Every state of trust that there has been. A program that has seen one of them takes
-- no answer from a store that has not: it was set back, and has gone on from there. It
-- grows by some 30 bytes with each change, a fraction of the change's entry in the audit
-- log, so nothing is ever taken out.
CREATE TABLE trust_history (
    epoch INTEGER PRIMARY KEY,
    state BLOB    NOT NULL CHECK (length(state) = 16)
) STRICT;

INSERT INTO trust_history (epoch, state) SELECT trust_epoch, trust_state FROM store_state;

-- Fires for the triggers that raise the epoch, and for whoever else sets it.
CREATE TRIGGER store_state_history AFTER UPDATE OF trust_epoch, trust_state ON store_state
WHEN NEW.trust_epoch IS NOT OLD.trust_epoch OR NEW.trust_state IS NOT OLD.trust_state
BEGIN INSERT INTO trust_history (epoch, state) VALUES (NEW.trust_epoch, NEW.trust_state); END;
