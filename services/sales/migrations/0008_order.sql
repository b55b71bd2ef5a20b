-- What customers have ordered, the amendments of orders, and what was fulfilled of them when.
CREATE TABLE sales_order (
    tenant_id          uuid        NOT NULL,
    id                 uuid        NOT NULL,
    create_time        timestamptz NOT NULL,
    update_time        timestamptz NOT NULL,
    delete_time        timestamptz,
    revision           bigint      NOT NULL,
    display_name       text        COLLATE "C" NOT NULL,
    number             text        COLLATE "C" NOT NULL,
    account_id         uuid,
    account_name       text        COLLATE "C" NOT NULL,
    contact_id         uuid,
    contact_name       text        COLLATE "C" NOT NULL,
    opportunity_id     uuid,
    quote_id           uuid,
    contract_id        uuid,
    customer_reference text        COLLATE "C" NOT NULL,
    order_date         date        NOT NULL,
    -- Lines, discounts and totals as one value; the columns after it repeat what lists filter and order by.
    sheet              jsonb       NOT NULL,
    currency_code      text        COLLATE "C" NOT NULL,
    price_book_id      uuid,
    -- Amounts in ten-thousandths of the currency's unit.
    net_amount         bigint      NOT NULL,
    gross_amount       bigint      NOT NULL,
    state              smallint    NOT NULL,
    -- What is fulfilled, by line, as decimal text. Lines of which nothing is are left out.
    fulfilled          jsonb       NOT NULL,
    confirm_time       timestamptz,
    close_time         timestamptz,
    cancel_reason      text        NOT NULL,
    amendment_number   bigint      NOT NULL,
    erp_state          smallint    NOT NULL,
    erp_id             text        COLLATE "C" NOT NULL,
    erp_message        text        NOT NULL,
    erp_push_time      timestamptz,
    erp_answer_time    timestamptz,
    description        text        NOT NULL,
    owner_id           uuid        NOT NULL,
    tags               text[]      NOT NULL,
    external_ids       jsonb       NOT NULL,
    custom             jsonb       NOT NULL,
    -- What `q` searches: name, number, the customer's number and the account's name, with their pinyin.
    search_name        text        NOT NULL,
    CONSTRAINT sales_order_pkey PRIMARY KEY (tenant_id, id),
    -- 1 draft, 2 confirmed, 3 fulfilled in part, 4 fulfilled, 5 closed, 6 cancelled.
    CONSTRAINT sales_order_state_check CHECK (state BETWEEN 1 AND 6),
    CONSTRAINT sales_order_closed_check CHECK ((state IN (5, 6)) = (close_time IS NOT NULL)),
    CONSTRAINT sales_order_cancelled_check CHECK ((state = 6) = (cancel_reason <> '')),
    CONSTRAINT sales_order_unfulfilled_check CHECK (state NOT IN (1, 2, 6) OR fulfilled = '{}'::jsonb)
);
CREATE UNIQUE INDEX sales_order_number_key ON sales_order (tenant_id, number) WHERE delete_time IS NULL;
CREATE INDEX sales_order_create_time_idx ON sales_order (tenant_id, create_time, id);
CREATE INDEX sales_order_owner_idx ON sales_order (tenant_id, owner_id, create_time, id);
CREATE INDEX sales_order_account_idx ON sales_order (tenant_id, account_id) WHERE account_id IS NOT NULL;
CREATE INDEX sales_order_opportunity_idx ON sales_order (tenant_id, opportunity_id) WHERE opportunity_id IS NOT NULL;
CREATE INDEX sales_order_quote_idx ON sales_order (tenant_id, quote_id) WHERE quote_id IS NOT NULL;
CREATE INDEX sales_order_contract_idx ON sales_order (tenant_id, contract_id) WHERE contract_id IS NOT NULL;
CREATE INDEX sales_order_date_idx ON sales_order (tenant_id, order_date, id);
CREATE INDEX sales_order_erp_idx ON sales_order (tenant_id, erp_state, id) WHERE erp_state IN (2, 3, 5);
CREATE INDEX sales_order_search_name_idx ON sales_order USING gin (search_name gin_trgm_ops);
CREATE INDEX sales_order_tags_idx ON sales_order USING gin (tags);
CREATE INDEX sales_order_bin_idx ON sales_order (delete_time, tenant_id, id) WHERE delete_time IS NOT NULL;
ALTER TABLE sales_order ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON sales_order
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Changes of orders after their confirmation. Rows are only added.
CREATE TABLE order_amendment (
    tenant_id   uuid        NOT NULL,
    order_id    uuid        NOT NULL,
    number      bigint      NOT NULL,
    create_time timestamptz NOT NULL,
    actor_id    uuid        NOT NULL,
    reason      text        NOT NULL,
    -- The sheets before and after it.
    previous    jsonb       NOT NULL,
    sheet       jsonb       NOT NULL,
    CONSTRAINT order_amendment_pkey PRIMARY KEY (tenant_id, order_id, number),
    CONSTRAINT order_amendment_order_fkey FOREIGN KEY (tenant_id, order_id)
        REFERENCES sales_order (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE order_amendment ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON order_amendment
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- What was fulfilled when. Rows are only added.
CREATE TABLE order_fulfilment (
    tenant_id       uuid        NOT NULL,
    order_id        uuid        NOT NULL,
    id              uuid        NOT NULL,
    create_time     timestamptz NOT NULL,
    actor_id        uuid        NOT NULL,
    reference       text        COLLATE "C" NOT NULL,
    fulfilment_date date        NOT NULL,
    -- Quantities by line, as decimal text.
    quantities      jsonb       NOT NULL,
    CONSTRAINT order_fulfilment_pkey PRIMARY KEY (tenant_id, order_id, id),
    CONSTRAINT order_fulfilment_order_fkey FOREIGN KEY (tenant_id, order_id)
        REFERENCES sales_order (tenant_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX order_fulfilment_reference_key ON order_fulfilment (tenant_id, order_id, reference) WHERE reference <> '';
ALTER TABLE order_fulfilment ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON order_fulfilment
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
