-- Approval flows in versions, requests that run on one of them, and what approvers are asked.
CREATE TABLE approval_flow (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    create_time  timestamptz NOT NULL,
    update_time  timestamptz NOT NULL,
    delete_time  timestamptz,
    revision     bigint      NOT NULL DEFAULT 1,
    display_name text        NOT NULL,
    name_key     text        NOT NULL,
    object_type  text        NOT NULL,
    priority     integer     NOT NULL,
    disabled     boolean     NOT NULL,
    version      integer     NOT NULL,
    CONSTRAINT approval_flow_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT approval_flow_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (tenant_id)
);
CREATE UNIQUE INDEX approval_flow_name_key ON approval_flow (tenant_id, object_type, name_key) WHERE delete_time IS NULL;
ALTER TABLE approval_flow ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON approval_flow
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- What a flow said in each of its versions. Never changed.
CREATE TABLE approval_flow_version (
    tenant_id   uuid        NOT NULL,
    flow_id     uuid        NOT NULL,
    version     integer     NOT NULL,
    create_time timestamptz NOT NULL,
    definition  jsonb       NOT NULL,
    CONSTRAINT approval_flow_version_pkey PRIMARY KEY (tenant_id, flow_id, version),
    CONSTRAINT approval_flow_version_flow_fkey FOREIGN KEY (tenant_id, flow_id) REFERENCES approval_flow (tenant_id, id)
);
ALTER TABLE approval_flow_version ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON approval_flow_version
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- owner_id is the submitter, whose record scope the request falls under.
CREATE TABLE approval_request (
    tenant_id        uuid        NOT NULL,
    id               uuid        NOT NULL,
    create_time      timestamptz NOT NULL,
    update_time      timestamptz NOT NULL,
    revision         bigint      NOT NULL DEFAULT 1,
    display_name     text        NOT NULL,
    object_type      text        NOT NULL,
    object_id        uuid        NOT NULL,
    object_revision  bigint      NOT NULL,
    submitted_values bytea       NOT NULL,
    comment          text        NOT NULL,
    owner_id         uuid        NOT NULL,
    state            smallint    NOT NULL,
    automatic_reason smallint    NOT NULL DEFAULT 0,
    flow_id          uuid,
    flow_version     integer,
    node             integer     NOT NULL DEFAULT 0,
    decided_by_id    uuid,
    decide_time      timestamptz,
    decision_comment text        NOT NULL DEFAULT '',
    CONSTRAINT approval_request_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT approval_request_owner_fkey FOREIGN KEY (tenant_id, owner_id) REFERENCES app_user (tenant_id, id),
    CONSTRAINT approval_request_flow_fkey
        FOREIGN KEY (tenant_id, flow_id, flow_version) REFERENCES approval_flow_version (tenant_id, flow_id, version),
    CONSTRAINT approval_request_state_check CHECK (state BETWEEN 1 AND 7),
    CONSTRAINT approval_request_end_check CHECK ((state IN (1, 2)) = (decide_time IS NULL))
);
-- One request of an object runs at a time.
CREATE UNIQUE INDEX approval_request_running_key ON approval_request (tenant_id, object_type, object_id) WHERE state IN (1, 2);
CREATE INDEX approval_request_object_idx ON approval_request (tenant_id, object_type, object_id, object_revision);
CREATE INDEX approval_request_owner_idx ON approval_request (tenant_id, owner_id, create_time);
ALTER TABLE approval_request ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON approval_request
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

CREATE TABLE approval_task (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    request_id  uuid        NOT NULL,
    create_time timestamptz NOT NULL,
    node        integer     NOT NULL,
    node_name   text        NOT NULL,
    mode        smallint    NOT NULL,
    position    integer     NOT NULL,
    approver_id uuid        NOT NULL,
    state       smallint    NOT NULL,
    comment     text        NOT NULL,
    decide_time timestamptz,
    CONSTRAINT approval_task_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT approval_task_place_key UNIQUE (tenant_id, request_id, node, position),
    CONSTRAINT approval_task_request_fkey FOREIGN KEY (tenant_id, request_id) REFERENCES approval_request (tenant_id, id),
    CONSTRAINT approval_task_approver_fkey FOREIGN KEY (tenant_id, approver_id) REFERENCES app_user (tenant_id, id),
    CONSTRAINT approval_task_state_check CHECK (state BETWEEN 1 AND 6)
);
CREATE INDEX approval_task_approver_idx ON approval_task (tenant_id, approver_id, state, id);
ALTER TABLE approval_task ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON approval_task
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
