-- What customers are offered. Each revision is a row; the revisions of one quote share base_quote_id.
CREATE TABLE quote (
    tenant_id           uuid        NOT NULL,
    id                  uuid        NOT NULL,
    create_time         timestamptz NOT NULL,
    update_time         timestamptz NOT NULL,
    delete_time         timestamptz,
    revision            bigint      NOT NULL,
    display_name        text        COLLATE "C" NOT NULL,
    number              text        COLLATE "C" NOT NULL,
    revision_number     bigint      NOT NULL,
    base_number         text        COLLATE "C" NOT NULL,
    base_quote_id       uuid        NOT NULL,
    state               smallint    NOT NULL,
    opportunity_id      uuid,
    account_id          uuid,
    account_name        text        COLLATE "C" NOT NULL,
    contact_id          uuid,
    contact_name        text        NOT NULL,
    -- Currency, price book, lines and totals as one value (services/sales/src/document).
    sheet               jsonb       NOT NULL,
    -- Repeated from the sheet for lists. Amounts in ten-thousandths of the currency's unit.
    currency_code       text        COLLATE "C" NOT NULL,
    net_amount          bigint      NOT NULL,
    gross_amount        bigint      NOT NULL,
    valid_until         date,
    -- When valid_until is over where the tenant is.
    expire_time         timestamptz,
    terms               text        NOT NULL,
    description         text        NOT NULL,
    approval_state      smallint    NOT NULL,
    approval_request_id uuid,
    approval_comment    text        NOT NULL,
    -- The revision of the row that was submitted for approval; 0 when none was.
    submitted_revision  bigint      NOT NULL,
    submit_time         timestamptz,
    close_time          timestamptz,
    close_reason        text        NOT NULL,
    owner_id            uuid        NOT NULL,
    tags                text[]      NOT NULL,
    external_ids        jsonb       NOT NULL,
    custom              jsonb       NOT NULL,
    -- What `q` searches: name, account and number, with their pinyin.
    search_name         text        NOT NULL,
    CONSTRAINT quote_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT quote_opportunity_fkey FOREIGN KEY (tenant_id, opportunity_id) REFERENCES opportunity (tenant_id, id),
    -- A quote is revised once at a time.
    CONSTRAINT quote_revision_key UNIQUE (tenant_id, base_quote_id, revision_number)
);
CREATE UNIQUE INDEX quote_number_key ON quote (tenant_id, number) WHERE delete_time IS NULL;
-- A deal has one accepted quote; 5 is ACCEPTED.
CREATE UNIQUE INDEX quote_accepted_key ON quote (tenant_id, opportunity_id) WHERE state = 5 AND delete_time IS NULL;
CREATE INDEX quote_opportunity_idx ON quote (tenant_id, opportunity_id);
CREATE INDEX quote_account_idx ON quote (tenant_id, account_id);
CREATE INDEX quote_create_time_idx ON quote (tenant_id, create_time, id);
CREATE INDEX quote_owner_idx ON quote (tenant_id, owner_id, create_time, id);
CREATE INDEX quote_search_name_idx ON quote USING gin (search_name gin_trgm_ops);
CREATE INDEX quote_bin_idx ON quote (delete_time, tenant_id, id) WHERE delete_time IS NOT NULL;
ALTER TABLE quote ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON quote
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- The tenant's rules for quotes; without a row the defaults hold.
CREATE TABLE quote_settings (
    tenant_id            uuid        NOT NULL,
    create_time          timestamptz NOT NULL,
    update_time          timestamptz NOT NULL,
    revision             bigint      NOT NULL,
    -- Decimal text.
    max_discount_percent text        NOT NULL,
    CONSTRAINT quote_settings_pkey PRIMARY KEY (tenant_id)
);
ALTER TABLE quote_settings ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON quote_settings
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
