-- Money that came from customers.
CREATE TABLE receipt (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    create_time     timestamptz NOT NULL,
    update_time     timestamptz NOT NULL,
    delete_time     timestamptz,
    revision        bigint      NOT NULL,
    number          text        COLLATE "C" NOT NULL,
    account_id      uuid        NOT NULL,
    account_name    text        COLLATE "C" NOT NULL,
    -- Amounts in ten-thousandths of the currency's unit. `allocated` is the sum of the allocations, kept with them.
    amount          bigint      NOT NULL,
    allocated       bigint      NOT NULL,
    amount_currency text        COLLATE "C" NOT NULL,
    receive_date    date        NOT NULL,
    method          smallint    NOT NULL,
    bank_reference  text        COLLATE "C" NOT NULL,
    payer_name      text        COLLATE "C" NOT NULL,
    state           smallint    NOT NULL,
    confirm_time    timestamptz,
    confirmer_id    uuid,
    reverse_time    timestamptz,
    reverse_reason  text        NOT NULL,
    description     text        NOT NULL,
    owner_id        uuid        NOT NULL,
    tags            text[]      NOT NULL,
    external_ids    jsonb       NOT NULL,
    custom          jsonb       NOT NULL,
    -- What `q` searches: the number and the account's name, with their pinyin.
    search_name     text        NOT NULL,
    CONSTRAINT receipt_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT receipt_amount_check CHECK (amount > 0 AND amount_currency <> ''),
    CONSTRAINT receipt_allocated_check CHECK (allocated BETWEEN 0 AND amount),
    -- 1 registered, 2 confirmed, 3 allocated in full, 4 reversed.
    CONSTRAINT receipt_state_check CHECK (
        CASE state
            WHEN 1 THEN allocated = 0 AND confirm_time IS NULL
            WHEN 2 THEN allocated < amount AND confirm_time IS NOT NULL
            WHEN 3 THEN allocated = amount AND confirm_time IS NOT NULL
            WHEN 4 THEN allocated = 0
            ELSE false
        END
    ),
    CONSTRAINT receipt_confirm_check CHECK ((confirm_time IS NULL) = (confirmer_id IS NULL)),
    CONSTRAINT receipt_reverse_check CHECK ((state = 4) = (reverse_time IS NOT NULL) AND (state = 4) = (reverse_reason <> '')),
    -- What was confirmed or reversed is kept.
    CONSTRAINT receipt_delete_check CHECK (delete_time IS NULL OR state = 1)
);
CREATE UNIQUE INDEX receipt_number_key ON receipt (tenant_id, number) WHERE delete_time IS NULL;
CREATE INDEX receipt_create_time_idx ON receipt (tenant_id, create_time, id);
CREATE INDEX receipt_owner_idx ON receipt (tenant_id, owner_id, create_time, id);
CREATE INDEX receipt_receive_date_idx ON receipt (tenant_id, receive_date, id);
CREATE INDEX receipt_account_idx ON receipt (tenant_id, account_id, create_time, id);
CREATE INDEX receipt_bank_reference_idx ON receipt (tenant_id, bank_reference) WHERE bank_reference <> '';
-- What came and is not allocated yet, by account and currency.
CREATE INDEX receipt_open_idx ON receipt (tenant_id, account_id, amount_currency, id) WHERE state = 2 AND delete_time IS NULL;
CREATE INDEX receipt_search_name_idx ON receipt USING gin (search_name gin_trgm_ops);
CREATE INDEX receipt_tags_idx ON receipt USING gin (tags);
CREATE INDEX receipt_bin_idx ON receipt (delete_time, tenant_id, id) WHERE delete_time IS NOT NULL;
ALTER TABLE receipt ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON receipt
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
