-- Who changed what, when, and through which request; written in the transaction of the change, never changed afterwards.
CREATE TABLE audit_log (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    audit_time  timestamptz NOT NULL,
    actor_id    uuid        NOT NULL,
    action      text        NOT NULL,
    method      text        NOT NULL,
    request_id  text        NOT NULL,
    collection  text        NOT NULL,
    record_id   uuid        NOT NULL,
    type_name   text        NOT NULL,
    before      bytea       NOT NULL,
    after       bytea       NOT NULL,
    CONSTRAINT audit_log_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_log_record_idx ON audit_log (tenant_id, record_id, id);
ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit_log
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
