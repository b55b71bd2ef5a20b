-- The companies that use the installation. The one table whose rows every session may read: a sign-in finds its tenant by slug before it has
-- one. Only the tenant itself may be written.
CREATE TABLE tenant (
    tenant_id     uuid        NOT NULL,
    create_time   timestamptz NOT NULL,
    update_time   timestamptz NOT NULL,
    revision      bigint      NOT NULL DEFAULT 1,
    slug          text        NOT NULL,
    display_name  text        NOT NULL,
    region_code   text        NOT NULL,
    time_zone     text        NOT NULL,
    currency_code text        NOT NULL,
    language_code text        NOT NULL,
    state         smallint    NOT NULL DEFAULT 1,
    CONSTRAINT tenant_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT tenant_slug_key UNIQUE (slug),
    CONSTRAINT tenant_state_check CHECK (state IN (1, 2))
);
ALTER TABLE tenant ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON tenant FOR SELECT USING (true);
CREATE POLICY tenant ON tenant
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
