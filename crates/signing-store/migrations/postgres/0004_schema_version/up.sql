-- The number of the last migration, which every answer about trust tells: a program that
-- was running when a newer one migrated would not know what the new tables restrict.
ALTER TABLE store_state ADD COLUMN schema_version BIGINT NOT NULL DEFAULT 4;
