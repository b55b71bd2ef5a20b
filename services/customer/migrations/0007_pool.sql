-- Public pools: records that wait for somebody to work on them.
CREATE TABLE pool (
    tenant_id         uuid        NOT NULL,
    id                uuid        NOT NULL,
    create_time       timestamptz NOT NULL,
    update_time       timestamptz NOT NULL,
    revision          bigint      NOT NULL,
    display_name      text        COLLATE "C" NOT NULL,
    collection        text        COLLATE "C" NOT NULL,
    is_default        boolean     NOT NULL,
    user_ids          uuid[]      NOT NULL,
    department_ids    uuid[]      NOT NULL,
    role_ids          uuid[]      NOT NULL,
    admin_ids         uuid[]      NOT NULL,
    daily_claim_limit integer     NOT NULL,
    holding_limit     integer     NOT NULL,
    holding_exempt    text        NOT NULL,
    cool_down_days    integer     NOT NULL,
    protection_days   integer     NOT NULL,
    freeze_days       integer     NOT NULL,
    recycle_rules     jsonb       NOT NULL,
    recycle_paused    boolean     NOT NULL,
    recycle_limit     integer     NOT NULL,
    CONSTRAINT pool_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX pool_display_name_key ON pool (tenant_id, collection, display_name);
CREATE UNIQUE INDEX pool_default_key ON pool (tenant_id, collection) WHERE is_default;
ALTER TABLE pool ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON pool
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Who answered for a record, or the pool it waited in, from when to when. A record that never changed hands has no row: its first period is
-- written, with revision 0, together with the second.
CREATE TABLE ownership_period (
    tenant_id    uuid        NOT NULL,
    collection   text        COLLATE "C" NOT NULL,
    record_id    uuid        NOT NULL,
    -- The revision of the record that began the period.
    revision     bigint      NOT NULL,
    owner_id     uuid,
    pool_id      uuid,
    -- The pool that the record came from.
    from_pool_id uuid,
    from_time    timestamptz NOT NULL,
    to_time      timestamptz,
    act          smallint    NOT NULL,
    operator_id  uuid        NOT NULL,
    reason       text        NOT NULL,
    CONSTRAINT ownership_period_pkey PRIMARY KEY (tenant_id, record_id, revision),
    CONSTRAINT ownership_period_owner_or_pool_check CHECK ((owner_id IS NULL) <> (pool_id IS NULL))
);
CREATE INDEX ownership_period_owner_idx ON ownership_period (tenant_id, owner_id, from_time) WHERE owner_id IS NOT NULL;
ALTER TABLE ownership_period ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON ownership_period
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- What rules took back: a rule takes a record back once for each day that it is due.
CREATE TABLE reclaim (
    tenant_id    uuid        NOT NULL,
    pool_id      uuid        NOT NULL,
    record_id    uuid        NOT NULL,
    rule_key     text        COLLATE "C" NOT NULL,
    due_date     date        NOT NULL,
    reclaim_time timestamptz NOT NULL,
    CONSTRAINT reclaim_pkey PRIMARY KEY (tenant_id, record_id, rule_key, due_date)
);
ALTER TABLE reclaim ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON reclaim
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- A pool that records wait in is not removed.
ALTER TABLE lead ADD CONSTRAINT lead_pool_fkey FOREIGN KEY (tenant_id, pool_id) REFERENCES pool (tenant_id, id);
ALTER TABLE account ADD CONSTRAINT account_pool_fkey FOREIGN KEY (tenant_id, pool_id) REFERENCES pool (tenant_id, id) NOT VALID;
-- Accounts had an owner or a pool, or neither; now one of the two. Every account that was ever written has an owner.
ALTER TABLE account DROP CONSTRAINT account_owner_or_pool_check;
ALTER TABLE account ADD CONSTRAINT account_owner_or_pool_check CHECK ((owner_id IS NULL) <> (pool_id IS NULL)) NOT VALID;
ALTER TABLE account VALIDATE CONSTRAINT account_pool_fkey;
ALTER TABLE account VALIDATE CONSTRAINT account_owner_or_pool_check;
CREATE INDEX account_pool_idx ON account (tenant_id, pool_id, create_time, id) WHERE pool_id IS NOT NULL;
