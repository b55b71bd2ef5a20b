-- Ways of selling: pipelines with their stages. Neither is ever removed, because deals and their history refer to them.
CREATE TABLE pipeline (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    create_time  timestamptz NOT NULL,
    update_time  timestamptz NOT NULL,
    revision     bigint      NOT NULL,
    display_name text        COLLATE "C" NOT NULL,
    is_default   boolean     NOT NULL,
    retired      boolean     NOT NULL,
    stages       jsonb       NOT NULL,
    CONSTRAINT pipeline_pkey PRIMARY KEY (tenant_id, id),
    -- Deals that name no pipeline go to the default one, so that one takes deals.
    CONSTRAINT pipeline_default_check CHECK (NOT (is_default AND retired))
);
CREATE UNIQUE INDEX pipeline_display_name_key ON pipeline (tenant_id, display_name);
CREATE UNIQUE INDEX pipeline_default_key ON pipeline (tenant_id) WHERE is_default;
ALTER TABLE pipeline ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON pipeline
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
