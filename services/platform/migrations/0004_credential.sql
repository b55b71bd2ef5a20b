-- What callers prove themselves with. Secrets are stored as hashes, the private half of a signing key sealed.

-- One sign-in. The row goes away when the session ends.
CREATE TABLE session (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    user_id      uuid        NOT NULL,
    create_time  timestamptz NOT NULL,
    refresh_time timestamptz NOT NULL,
    expire_time  timestamptz NOT NULL,
    source       text        NOT NULL,
    user_agent   text        NOT NULL,
    family_hash  bytea       NOT NULL,
    secret_hash  bytea       NOT NULL,
    CONSTRAINT session_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT session_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES app_user (tenant_id, id)
);
CREATE INDEX session_user_idx ON session (tenant_id, user_id, id);
CREATE INDEX session_expire_time_idx ON session (tenant_id, expire_time);
ALTER TABLE session ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON session
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

CREATE TABLE api_key (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    create_time  timestamptz NOT NULL,
    display_name text        NOT NULL,
    user_id      uuid        NOT NULL,
    permissions  text[]      NOT NULL,
    expire_time  timestamptz,
    creator_id   uuid        NOT NULL,
    secret_hash  bytea       NOT NULL,
    CONSTRAINT api_key_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT api_key_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES app_user (tenant_id, id)
);
CREATE INDEX api_key_user_idx ON api_key (tenant_id, user_id, id);
ALTER TABLE api_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON api_key
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Keys of access tokens. They belong to the installation, which is the tenant with the nil id.
CREATE TABLE signing_key (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    create_time timestamptz NOT NULL,
    public_key  bytea       NOT NULL,
    sealed_seed bytea       NOT NULL,
    CONSTRAINT signing_key_pkey PRIMARY KEY (tenant_id, id)
);
ALTER TABLE signing_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON signing_key
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Failed sign-ins, by a name of a tenant (known or not) or, in the nil tenant, by network address. Subjects are hashes: people type passwords
-- into the name field.
CREATE TABLE sign_in_guard (
    tenant_id   uuid        NOT NULL,
    subject     text        NOT NULL,
    failures    bigint      NOT NULL,
    window_time timestamptz NOT NULL,
    locks       bigint      NOT NULL,
    lock_until  timestamptz,
    update_time timestamptz NOT NULL,
    CONSTRAINT sign_in_guard_pkey PRIMARY KEY (tenant_id, subject)
);
CREATE INDEX sign_in_guard_update_time_idx ON sign_in_guard (tenant_id, update_time);
ALTER TABLE sign_in_guard ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON sign_in_guard
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
