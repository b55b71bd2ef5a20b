-- What was agreed with customers in writing, and the versions that others followed.
CREATE TABLE contract (
    tenant_id           uuid        NOT NULL,
    id                  uuid        NOT NULL,
    create_time         timestamptz NOT NULL,
    update_time         timestamptz NOT NULL,
    delete_time         timestamptz,
    revision            bigint      NOT NULL,
    display_name        text        COLLATE "C" NOT NULL,
    number              text        COLLATE "C" NOT NULL,
    contract_type       text        COLLATE "C" NOT NULL,
    account_id          uuid,
    account_name        text        COLLATE "C" NOT NULL,
    customer_party      text        NOT NULL,
    own_party           text        NOT NULL,
    customer_signer     text        NOT NULL,
    own_signer          text        NOT NULL,
    opportunity_id      uuid,
    quote_id            uuid,
    start_date          date,
    end_date            date,
    term_months         bigint      NOT NULL,
    renewal_rule        smallint    NOT NULL,
    notice_days         bigint      NOT NULL,
    notice_date         date,
    payment_method      text        NOT NULL,
    -- Ten-thousandths of the currency's unit; the total of the lines when there are some.
    amount              bigint,
    -- Lines, discounts and totals as one value; the columns after it repeat what lists filter by.
    sheet               jsonb       NOT NULL,
    currency_code       text        COLLATE "C" NOT NULL,
    state               smallint    NOT NULL,
    version             bigint      NOT NULL,
    amend_reason        text        NOT NULL,
    -- Where the contract stood before the amendment that is in work.
    amended_state       smallint    NOT NULL,
    sign_time           timestamptz,
    complete_time       timestamptz,
    void_reason         text        NOT NULL,
    renewal_of_id       uuid,
    renewal_id          uuid,
    approval_request_id uuid,
    description         text        NOT NULL,
    owner_id            uuid        NOT NULL,
    tags                text[]      NOT NULL,
    external_ids        jsonb       NOT NULL,
    custom              jsonb       NOT NULL,
    -- What `q` searches: name, number, the account's name and the parties, with their pinyin.
    search_name         text        NOT NULL,
    CONSTRAINT contract_pkey PRIMARY KEY (tenant_id, id),
    -- 1 draft, 2 in approval, 3 pending signature, 4 signed, 5 in performance, 6 completed, 7 archived, 8 voided.
    CONSTRAINT contract_state_check CHECK (state BETWEEN 1 AND 8),
    CONSTRAINT contract_dates_check CHECK (end_date >= start_date),
    CONSTRAINT contract_amount_check CHECK (amount >= 0),
    CONSTRAINT contract_voided_check CHECK ((state = 8) = (void_reason <> ''))
);
CREATE UNIQUE INDEX contract_number_key ON contract (tenant_id, number) WHERE delete_time IS NULL;
CREATE INDEX contract_create_time_idx ON contract (tenant_id, create_time, id);
CREATE INDEX contract_owner_idx ON contract (tenant_id, owner_id, create_time, id);
CREATE INDEX contract_account_idx ON contract (tenant_id, account_id) WHERE account_id IS NOT NULL;
CREATE INDEX contract_opportunity_idx ON contract (tenant_id, opportunity_id) WHERE opportunity_id IS NOT NULL;
CREATE INDEX contract_quote_idx ON contract (tenant_id, quote_id) WHERE quote_id IS NOT NULL;
CREATE INDEX contract_end_date_idx ON contract (tenant_id, end_date, id);
CREATE INDEX contract_notice_date_idx ON contract (tenant_id, notice_date) WHERE notice_date IS NOT NULL;
CREATE INDEX contract_renewal_idx ON contract (tenant_id, renewal_of_id) WHERE renewal_of_id IS NOT NULL;
CREATE INDEX contract_search_name_idx ON contract USING gin (search_name gin_trgm_ops);
CREATE INDEX contract_tags_idx ON contract USING gin (tags);
CREATE INDEX contract_bin_idx ON contract (delete_time, tenant_id, id) WHERE delete_time IS NOT NULL;
ALTER TABLE contract ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON contract
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Versions that another one followed. A row goes only when the version after it is dropped as a draft.
CREATE TABLE contract_version (
    tenant_id   uuid        NOT NULL,
    contract_id uuid        NOT NULL,
    version     bigint      NOT NULL,
    end_time    timestamptz NOT NULL,
    actor_id    uuid        NOT NULL,
    -- The contract's row as it was.
    content     jsonb       NOT NULL,
    CONSTRAINT contract_version_pkey PRIMARY KEY (tenant_id, contract_id, version),
    CONSTRAINT contract_version_contract_fkey FOREIGN KEY (tenant_id, contract_id)
        REFERENCES contract (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE contract_version ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON contract_version
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
