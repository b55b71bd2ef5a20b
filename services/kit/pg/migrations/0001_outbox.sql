-- The change log of a service: one row per changed record, written in the transaction of the change.
-- `tx` orders rows by transaction; a reader stays below the oldest running transaction and so skips no slower one.
CREATE TABLE outbox (
    tenant_id      uuid        NOT NULL,
    tx             bigint      NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    seq            bigint      GENERATED ALWAYS AS IDENTITY,
    id             uuid        NOT NULL,
    event_time     timestamptz NOT NULL,
    collection     text        NOT NULL,
    record_id      uuid        NOT NULL,
    owner_id       uuid,
    change_kind    smallint    NOT NULL,
    changed_fields text[]      NOT NULL,
    actor_id       uuid        NOT NULL,
    request_id     text        NOT NULL,
    type_name      text        NOT NULL,
    payload        bytea       NOT NULL,
    CONSTRAINT outbox_pkey PRIMARY KEY (tenant_id, tx, seq)
);
CREATE INDEX outbox_event_time_idx ON outbox (event_time);
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON outbox
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- How far the log was cut; a cursor before this place has lost events.
CREATE TABLE outbox_trim (
    tenant_id uuid   NOT NULL,
    tx        bigint NOT NULL,
    seq       bigint NOT NULL,
    CONSTRAINT outbox_trim_pkey PRIMARY KEY (tenant_id)
);
ALTER TABLE outbox_trim ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON outbox_trim
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
