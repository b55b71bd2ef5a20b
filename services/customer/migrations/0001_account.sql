-- Companies the tenant deals with.
CREATE TABLE account (
    tenant_id                  uuid        NOT NULL,
    id                         uuid        NOT NULL,
    create_time                timestamptz NOT NULL,
    update_time                timestamptz NOT NULL,
    delete_time                timestamptz,
    revision                   bigint      NOT NULL,
    display_name               text        COLLATE "C" NOT NULL,
    number                     text        COLLATE "C" NOT NULL,
    legal_name                 text        NOT NULL,
    unified_social_credit_code text        NOT NULL,
    tax_id                     text        NOT NULL,
    parent_id                  uuid,
    kind                       smallint    NOT NULL,
    industry                   text        COLLATE "C" NOT NULL,
    employee_count             bigint      NOT NULL,
    region                     text        COLLATE "C" NOT NULL,
    website                    text        NOT NULL,
    website_domain             text        NOT NULL,
    phone                      text        NOT NULL,
    email                      text        NOT NULL,
    billing_address            jsonb,
    shipping_address           jsonb,
    level                      smallint    NOT NULL,
    life_cycle_stage           smallint    NOT NULL,
    source                     text        NOT NULL,
    -- Amounts in ten-thousandths of the currency's unit.
    annual_revenue             bigint,
    annual_revenue_currency    text        NOT NULL,
    credit_status              smallint    NOT NULL,
    credit_limit               bigint,
    credit_limit_currency      text        NOT NULL,
    owner_id                   uuid,
    pool_id                    uuid,
    claim_time                 timestamptz,
    last_activity_time         timestamptz,
    last_deal_time             timestamptz,
    blocked                    boolean     NOT NULL,
    tags                       text[]      NOT NULL,
    description                text        NOT NULL,
    external_ids               jsonb       NOT NULL,
    custom                     jsonb       NOT NULL,
    -- What `q` searches, a column a class of sensitivity: names with their pinyin and the number, the digits of the telephone number, the
    -- e-mail address, and company numbers.
    search_name                text        NOT NULL,
    search_phone               text        NOT NULL,
    search_email               text        NOT NULL,
    search_identity            text        NOT NULL,
    CONSTRAINT account_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT account_parent_fkey FOREIGN KEY (tenant_id, parent_id) REFERENCES account (tenant_id, id),
    -- An account has an owner or waits in a pool, never both.
    CONSTRAINT account_owner_or_pool_check CHECK (owner_id IS NULL OR pool_id IS NULL)
);
CREATE UNIQUE INDEX account_number_key ON account (tenant_id, number) WHERE delete_time IS NULL;
CREATE INDEX account_create_time_idx ON account (tenant_id, create_time, id);
CREATE INDEX account_update_time_idx ON account (tenant_id, update_time, id);
CREATE INDEX account_display_name_idx ON account (tenant_id, display_name, id);
CREATE INDEX account_owner_idx ON account (tenant_id, owner_id, create_time, id);
CREATE INDEX account_parent_idx ON account (tenant_id, parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX account_search_name_idx ON account USING gin (search_name gin_trgm_ops);
CREATE INDEX account_search_phone_idx ON account USING gin (search_phone gin_trgm_ops);
CREATE INDEX account_search_email_idx ON account USING gin (search_email gin_trgm_ops);
CREATE INDEX account_search_identity_idx ON account USING gin (search_identity gin_trgm_ops);
CREATE INDEX account_tags_idx ON account USING gin (tags);
ALTER TABLE account ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON account
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
