-- Instalments that customers are to pay.
CREATE TABLE payment_plan (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    create_time     timestamptz NOT NULL,
    update_time     timestamptz NOT NULL,
    delete_time     timestamptz,
    revision        bigint      NOT NULL,
    number          text        COLLATE "C" NOT NULL,
    account_id      uuid        NOT NULL,
    account_name    text        COLLATE "C" NOT NULL,
    order_id        uuid,
    contract_id     uuid,
    sequence        bigint      NOT NULL,
    due_date        date        NOT NULL,
    -- Amounts in ten-thousandths of the currency's unit. `allocated` is the sum of the allocations, kept with them.
    amount          bigint      NOT NULL,
    allocated       bigint      NOT NULL,
    amount_currency text        COLLATE "C" NOT NULL,
    state           smallint    NOT NULL,
    cancel_reason   text        NOT NULL,
    description     text        NOT NULL,
    owner_id        uuid        NOT NULL,
    tags            text[]      NOT NULL,
    external_ids    jsonb       NOT NULL,
    custom          jsonb       NOT NULL,
    -- What `q` searches: the number and the account's name, with their pinyin.
    search_name     text        NOT NULL,
    CONSTRAINT payment_plan_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT payment_plan_amount_check CHECK (amount > 0 AND amount_currency <> ''),
    CONSTRAINT payment_plan_allocated_check CHECK (allocated BETWEEN 0 AND amount),
    -- 1 pending, 2 partially paid, 3 paid, 4 cancelled. All but cancelled follow from what is allocated.
    CONSTRAINT payment_plan_state_check CHECK (
        CASE state
            WHEN 1 THEN allocated = 0
            WHEN 2 THEN allocated > 0 AND allocated < amount
            WHEN 3 THEN allocated = amount
            WHEN 4 THEN allocated = 0
            ELSE false
        END
    ),
    CONSTRAINT payment_plan_cancel_check CHECK ((state = 4) = (cancel_reason <> '')),
    -- Whatever is paid of is live.
    CONSTRAINT payment_plan_delete_check CHECK (delete_time IS NULL OR allocated = 0)
);
CREATE UNIQUE INDEX payment_plan_number_key ON payment_plan (tenant_id, number) WHERE delete_time IS NULL;
CREATE INDEX payment_plan_create_time_idx ON payment_plan (tenant_id, create_time, id);
CREATE INDEX payment_plan_owner_idx ON payment_plan (tenant_id, owner_id, create_time, id);
CREATE INDEX payment_plan_due_date_idx ON payment_plan (tenant_id, due_date, id);
CREATE INDEX payment_plan_account_idx ON payment_plan (tenant_id, account_id, create_time, id);
CREATE INDEX payment_plan_order_idx ON payment_plan (tenant_id, order_id) WHERE order_id IS NOT NULL;
CREATE INDEX payment_plan_contract_idx ON payment_plan (tenant_id, contract_id) WHERE contract_id IS NOT NULL;
-- What is still to be paid, by account and currency, the first due first: ageing and automatic allocation.
CREATE INDEX payment_plan_open_idx ON payment_plan (tenant_id, account_id, amount_currency, due_date, id)
    WHERE state IN (1, 2) AND delete_time IS NULL;
CREATE INDEX payment_plan_search_name_idx ON payment_plan USING gin (search_name gin_trgm_ops);
CREATE INDEX payment_plan_tags_idx ON payment_plan USING gin (tags);
CREATE INDEX payment_plan_bin_idx ON payment_plan (delete_time, tenant_id, id) WHERE delete_time IS NOT NULL;
ALTER TABLE payment_plan ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON payment_plan
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
