-- A change that takes a record from its owner is told to those who see the owner before, too: that it went, and nothing more of it. NULL where the
-- owner stayed, and in rows from before this migration.
ALTER TABLE outbox
    ADD COLUMN previous_owner_id uuid,
    ADD COLUMN previous_fields   text[],
    ADD COLUMN previous_payload  bytea;
