-- What one person has going to others, each with the rights its creator had when it was asked for.
CREATE TABLE hand_over (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    create_time  timestamptz NOT NULL,
    update_time  timestamptz NOT NULL,
    end_time     timestamptz,
    creator_id   uuid        NOT NULL,
    rights       jsonb       NOT NULL,
    from_user_id uuid        NOT NULL,
    -- [{collection, filter, to_user_ids}], in the order they apply.
    rules        jsonb       NOT NULL,
    reason       text        NOT NULL,
    state        smallint    NOT NULL,
    -- [{collection, to_user_id, records}].
    counts       jsonb       NOT NULL,
    -- How far it is: the rule, the last record of it that was looked at, and how many of its records went.
    rule_index   integer     NOT NULL,
    after_id     uuid,
    turn         bigint      NOT NULL,
    failure      text        NOT NULL,
    CONSTRAINT hand_over_pkey PRIMARY KEY (tenant_id, id)
);
-- One at a time of a person's records; 1 is RUNNING.
CREATE UNIQUE INDEX hand_over_running_key ON hand_over (tenant_id, from_user_id) WHERE state = 1;
CREATE INDEX hand_over_creator_idx ON hand_over (tenant_id, creator_id, id);
ALTER TABLE hand_over ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON hand_over
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
