-- Answers of changes made under an idempotency key, stored in the transaction of the change and kept for 72 hours.
CREATE TABLE idempotency_key (
    tenant_id    uuid        NOT NULL,
    caller_id    uuid        NOT NULL,
    key          text        NOT NULL,
    request_hash bytea       NOT NULL,
    answer       bytea       NOT NULL,
    create_time  timestamptz NOT NULL,
    CONSTRAINT idempotency_key_pkey PRIMARY KEY (tenant_id, caller_id, key)
);
CREATE INDEX idempotency_key_create_time_idx ON idempotency_key (create_time);
ALTER TABLE idempotency_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON idempotency_key
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
