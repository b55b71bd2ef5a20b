-- Relations between accounts beyond parent and child, stored once and read from either account.
CREATE TABLE account_relation (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    create_time     timestamptz NOT NULL,
    update_time     timestamptz NOT NULL,
    revision        bigint      NOT NULL,
    from_account_id uuid        NOT NULL,
    to_account_id   uuid        NOT NULL,
    kind            smallint    NOT NULL,
    -- Empty for the name of the kind.
    forward_name    text        NOT NULL,
    reverse_name    text        NOT NULL,
    start_date      date,
    end_date        date,
    note            text        NOT NULL,
    creator_id      uuid        NOT NULL,
    CONSTRAINT account_relation_pkey PRIMARY KEY (tenant_id, id),
    -- Deferred, so that an account out of the caller's scope and none at all are told by the same check.
    CONSTRAINT account_relation_from_fkey FOREIGN KEY (tenant_id, from_account_id) REFERENCES account (tenant_id, id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT account_relation_to_fkey FOREIGN KEY (tenant_id, to_account_id) REFERENCES account (tenant_id, id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT account_relation_self_check CHECK (from_account_id <> to_account_id),
    CONSTRAINT account_relation_days_check CHECK (start_date IS NULL OR end_date IS NULL OR start_date <= end_date)
);
-- Two accounts have one relation of a kind; of a reseller (2) and a supplier (4) one in each direction.
CREATE UNIQUE INDEX account_relation_pair_key ON account_relation (
    tenant_id, kind, LEAST(from_account_id, to_account_id), GREATEST(from_account_id, to_account_id),
    (CASE WHEN kind IN (2, 4) THEN from_account_id ELSE LEAST(from_account_id, to_account_id) END));
CREATE INDEX account_relation_from_idx ON account_relation (tenant_id, from_account_id, id);
CREATE INDEX account_relation_to_idx ON account_relation (tenant_id, to_account_id, id);
ALTER TABLE account_relation ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON account_relation
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
