-- Who gets leads that come in without an owner.
CREATE TABLE assignment_rule (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    create_time  timestamptz NOT NULL,
    update_time  timestamptz NOT NULL,
    revision     bigint      NOT NULL,
    display_name text        NOT NULL,
    position     integer     NOT NULL,
    condition    text        NOT NULL,
    disabled     boolean     NOT NULL,
    user_ids     uuid[]      NOT NULL,
    pool_id      uuid,
    -- How many leads the rule gave to its users: whose turn it is.
    turn         bigint      NOT NULL,
    CONSTRAINT assignment_rule_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT assignment_rule_pool_fkey FOREIGN KEY (tenant_id, pool_id) REFERENCES pool (tenant_id, id)
);
ALTER TABLE assignment_rule ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON assignment_rule
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
