-- Deals that may come about, the stages they stood in, and what stands in each stage.
CREATE TABLE opportunity (
    tenant_id                    uuid        NOT NULL,
    id                           uuid        NOT NULL,
    create_time                  timestamptz NOT NULL,
    update_time                  timestamptz NOT NULL,
    delete_time                  timestamptz,
    revision                     bigint      NOT NULL,
    display_name                 text        COLLATE "C" NOT NULL,
    number                       text        COLLATE "C" NOT NULL,
    account_id                   uuid,
    account_name                 text        COLLATE "C" NOT NULL,
    contacts                     jsonb       NOT NULL,
    competitors                  jsonb       NOT NULL,
    pipeline_id                  uuid        NOT NULL,
    stage_key                    text        COLLATE "C" NOT NULL,
    stage_enter_time             timestamptz NOT NULL,
    stage_actor_id               uuid        NOT NULL,
    stall_time                   timestamptz,
    state                        smallint    NOT NULL,
    probability_percent          bigint      NOT NULL,
    probability_overridden       boolean     NOT NULL,
    forecast_category            smallint    NOT NULL,
    forecast_category_overridden boolean     NOT NULL,
    -- Amounts in ten-thousandths of the currency's unit.
    amount                       bigint,
    amount_currency              text        COLLATE "C" NOT NULL,
    expected_revenue             bigint,
    close_date                   date,
    open_date                    date        NOT NULL,
    closed_date                  date,
    original_closed_date         date,
    close_reason                 text        COLLATE "C" NOT NULL,
    next_step                    text        NOT NULL,
    source                       text        COLLATE "C" NOT NULL,
    region                       text        COLLATE "C" NOT NULL,
    campaign_id                  uuid,
    description                  text        NOT NULL,
    owner_id                     uuid        NOT NULL,
    tags                         text[]      NOT NULL,
    external_ids                 jsonb       NOT NULL,
    custom                       jsonb       NOT NULL,
    -- What `q` searches: the deal's name and number and the account's name, with their pinyin.
    search_name                  text        NOT NULL,
    CONSTRAINT opportunity_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT opportunity_pipeline_fkey FOREIGN KEY (tenant_id, pipeline_id) REFERENCES pipeline (tenant_id, id),
    -- 1 open, 2 won, 3 lost, 4 invalid. A deal has the day it was closed exactly when it is closed.
    CONSTRAINT opportunity_closed_check CHECK ((state = 1) = (closed_date IS NULL)),
    CONSTRAINT opportunity_dates_check CHECK (closed_date >= open_date),
    CONSTRAINT opportunity_amount_check CHECK (amount >= 0 AND (amount IS NULL) = (amount_currency = '') AND (amount IS NULL) = (expected_revenue IS NULL))
);
CREATE UNIQUE INDEX opportunity_number_key ON opportunity (tenant_id, number) WHERE delete_time IS NULL;
CREATE INDEX opportunity_create_time_idx ON opportunity (tenant_id, create_time, id);
CREATE INDEX opportunity_owner_idx ON opportunity (tenant_id, owner_id, create_time, id);
CREATE INDEX opportunity_account_idx ON opportunity (tenant_id, account_id) WHERE account_id IS NOT NULL;
CREATE INDEX opportunity_stage_idx ON opportunity (tenant_id, pipeline_id, stage_key, id);
CREATE INDEX opportunity_closed_date_idx ON opportunity (tenant_id, closed_date) WHERE closed_date IS NOT NULL;
CREATE INDEX opportunity_open_idx ON opportunity (tenant_id, owner_id, close_date) WHERE state = 1;
CREATE INDEX opportunity_stall_idx ON opportunity (tenant_id, stall_time) WHERE stall_time IS NOT NULL;
CREATE INDEX opportunity_search_name_idx ON opportunity USING gin (search_name gin_trgm_ops);
CREATE INDEX opportunity_tags_idx ON opportunity USING gin (tags);
ALTER TABLE opportunity ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON opportunity
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- The stages deals stood in. Rows are only added; a stay ends where the deal's next one begins.
CREATE TABLE stage_entry (
    tenant_id        uuid        NOT NULL,
    opportunity_id   uuid        NOT NULL,
    seq              bigint      GENERATED ALWAYS AS IDENTITY,
    enter_time       timestamptz NOT NULL,
    from_pipeline_id uuid,
    from_stage_key   text        COLLATE "C" NOT NULL,
    pipeline_id      uuid        NOT NULL,
    stage_key        text        COLLATE "C" NOT NULL,
    state            smallint    NOT NULL,
    actor_id         uuid        NOT NULL,
    amount           bigint,
    amount_currency  text        COLLATE "C" NOT NULL,
    close_date       date,
    CONSTRAINT stage_entry_pkey PRIMARY KEY (tenant_id, opportunity_id, seq),
    CONSTRAINT stage_entry_opportunity_fkey FOREIGN KEY (tenant_id, opportunity_id)
        REFERENCES opportunity (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX stage_entry_pipeline_idx ON stage_entry (tenant_id, pipeline_id, enter_time);
ALTER TABLE stage_entry ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON stage_entry
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- What stands in the stages. Each write adds rows of what it changed, so that no two writers wait for each other; the sum of all rows is what
-- stands there. Rows are folded together now and then. Sums may grow past the amounts they add, so they are numeric; no statement compares them.
CREATE TABLE stage_sum (
    tenant_id        uuid     NOT NULL,
    pipeline_id      uuid     NOT NULL,
    owner_id         uuid     NOT NULL,
    seq              bigint   GENERATED ALWAYS AS IDENTITY,
    stage_key        text     COLLATE "C" NOT NULL,
    state            smallint NOT NULL,
    amount_currency  text     COLLATE "C" NOT NULL,
    opportunities    bigint   NOT NULL,
    amount           numeric  NOT NULL,
    expected_revenue numeric  NOT NULL,
    CONSTRAINT stage_sum_pkey PRIMARY KEY (tenant_id, pipeline_id, owner_id, seq)
);
ALTER TABLE stage_sum ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON stage_sum
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
