-- The platform's users as this service knows them, learned from their events: who may own records, under which name they are shown, whom they report to.
-- A copy: the newest change wins, whichever way it came. State: 1 active, 2 disabled, 3 deleted.
CREATE TABLE colleague (
    tenant_id      uuid        NOT NULL,
    id             uuid        NOT NULL,
    display_name   text        NOT NULL,
    username       text        NOT NULL,
    email          text        NOT NULL,
    state          smallint    NOT NULL,
    superior_id    uuid,
    department_ids uuid[]      NOT NULL,
    -- When the user was changed, as the platform says.
    change_time    timestamptz NOT NULL,
    -- When this service learned of it. Older than a gap in what was followed: not to be trusted.
    learn_time     timestamptz NOT NULL,
    CONSTRAINT colleague_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT colleague_state_check CHECK (state IN (1, 2, 3))
);
ALTER TABLE colleague ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON colleague
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
