-- Roles and who holds them. A built-in role keeps its key and its record scope here; its permissions and masks are in the code, so that they
-- grow with the suite.
CREATE TABLE role (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    create_time  timestamptz NOT NULL,
    update_time  timestamptz NOT NULL,
    revision     bigint      NOT NULL DEFAULT 1,
    display_name text        NOT NULL,
    name_key     text        NOT NULL,
    description  text        NOT NULL DEFAULT '',
    permissions  text[]      NOT NULL,
    record_scope bigint      NOT NULL,
    masks        jsonb       NOT NULL,
    built_in     text,
    CONSTRAINT role_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT role_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (tenant_id),
    CONSTRAINT role_name_key UNIQUE (tenant_id, name_key),
    CONSTRAINT role_built_in_key UNIQUE (tenant_id, built_in),
    CONSTRAINT role_record_scope_check CHECK (record_scope BETWEEN 1 AND 4)
);
ALTER TABLE role ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON role
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

CREATE TABLE user_role (
    tenant_id uuid   NOT NULL,
    user_id   uuid   NOT NULL,
    role_id   uuid   NOT NULL,
    position  bigint NOT NULL,
    CONSTRAINT user_role_pkey PRIMARY KEY (tenant_id, user_id, role_id),
    CONSTRAINT user_role_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES app_user (tenant_id, id),
    CONSTRAINT user_role_role_fkey FOREIGN KEY (tenant_id, role_id) REFERENCES role (tenant_id, id)
);
CREATE INDEX user_role_role_idx ON user_role (tenant_id, role_id);
ALTER TABLE user_role ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON user_role
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
