-- The people and service accounts of a tenant, and the two trees they stand in: superiors and departments.
CREATE TABLE app_user (
    tenant_id                uuid        NOT NULL,
    id                       uuid        NOT NULL,
    create_time              timestamptz NOT NULL,
    update_time              timestamptz NOT NULL,
    delete_time              timestamptz,
    revision                 bigint      NOT NULL DEFAULT 1,
    display_name             text        NOT NULL,
    username                 text        NOT NULL,
    username_key             text        NOT NULL,
    email                    text        NOT NULL DEFAULT '',
    phone                    text        NOT NULL DEFAULT '',
    job_title                text        NOT NULL DEFAULT '',
    primary_department_id    uuid,
    superior_id              uuid,
    state                    smallint    NOT NULL DEFAULT 1,
    service_account          boolean     NOT NULL DEFAULT false,
    password_hash            text,
    password_change_required boolean     NOT NULL DEFAULT false,
    last_sign_in_time        timestamptz,
    CONSTRAINT app_user_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT app_user_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (tenant_id),
    CONSTRAINT app_user_superior_fkey FOREIGN KEY (tenant_id, superior_id) REFERENCES app_user (tenant_id, id),
    CONSTRAINT app_user_state_check CHECK (state IN (1, 2)),
    CONSTRAINT app_user_service_account_check CHECK (NOT service_account OR password_hash IS NULL)
);
CREATE UNIQUE INDEX app_user_username_key ON app_user (tenant_id, username_key) WHERE delete_time IS NULL;
CREATE INDEX app_user_superior_idx ON app_user (tenant_id, superior_id);
ALTER TABLE app_user ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON app_user
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

CREATE TABLE department (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    create_time  timestamptz NOT NULL,
    update_time  timestamptz NOT NULL,
    revision     bigint      NOT NULL DEFAULT 1,
    display_name text        NOT NULL,
    name_key     text        NOT NULL,
    parent_id    uuid,
    manager_id   uuid,
    CONSTRAINT department_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT department_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (tenant_id),
    CONSTRAINT department_parent_fkey FOREIGN KEY (tenant_id, parent_id) REFERENCES department (tenant_id, id),
    CONSTRAINT department_manager_fkey FOREIGN KEY (tenant_id, manager_id) REFERENCES app_user (tenant_id, id),
    CONSTRAINT department_name_key UNIQUE NULLS NOT DISTINCT (tenant_id, parent_id, name_key)
);
CREATE INDEX department_manager_idx ON department (tenant_id, manager_id);
ALTER TABLE department ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON department
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

ALTER TABLE app_user ADD CONSTRAINT app_user_primary_department_fkey
    FOREIGN KEY (tenant_id, primary_department_id) REFERENCES department (tenant_id, id);
CREATE INDEX app_user_primary_department_idx ON app_user (tenant_id, primary_department_id);

-- Departments of a user, in the order the caller gave them.
CREATE TABLE user_department (
    tenant_id     uuid   NOT NULL,
    user_id       uuid   NOT NULL,
    department_id uuid   NOT NULL,
    position      bigint NOT NULL,
    CONSTRAINT user_department_pkey PRIMARY KEY (tenant_id, user_id, department_id),
    CONSTRAINT user_department_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES app_user (tenant_id, id),
    CONSTRAINT user_department_department_fkey FOREIGN KEY (tenant_id, department_id) REFERENCES department (tenant_id, id)
);
CREATE INDEX user_department_department_idx ON user_department (tenant_id, department_id);
ALTER TABLE user_department ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON user_department
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
