-- What the tenant sells, and what it costs.
CREATE TABLE product (
    tenant_id        uuid        NOT NULL,
    id               uuid        NOT NULL,
    create_time      timestamptz NOT NULL,
    update_time      timestamptz NOT NULL,
    delete_time      timestamptz,
    revision         bigint      NOT NULL,
    display_name     text        COLLATE "C" NOT NULL,
    number           text        COLLATE "C" NOT NULL,
    family           text        COLLATE "C" NOT NULL,
    unit             text        NOT NULL,
    -- Decimal text, empty when not stated.
    tax_rate_percent text        NOT NULL,
    retired          boolean     NOT NULL,
    description      text        NOT NULL,
    owner_id         uuid        NOT NULL,
    tags             text[]      NOT NULL,
    external_ids     jsonb       NOT NULL,
    custom           jsonb       NOT NULL,
    -- What `q` searches: name and code, with their pinyin.
    search_name      text        NOT NULL,
    CONSTRAINT product_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX product_number_key ON product (tenant_id, number) WHERE delete_time IS NULL;
CREATE INDEX product_create_time_idx ON product (tenant_id, create_time, id);
CREATE INDEX product_display_name_idx ON product (tenant_id, display_name, id);
CREATE INDEX product_search_name_idx ON product USING gin (search_name gin_trgm_ops);
CREATE INDEX product_tags_idx ON product USING gin (tags);
ALTER TABLE product ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON product
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

CREATE TABLE price_book (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    create_time   timestamptz NOT NULL,
    update_time   timestamptz NOT NULL,
    revision      bigint      NOT NULL,
    display_name  text        COLLATE "C" NOT NULL,
    currency_code text        COLLATE "C" NOT NULL,
    is_standard   boolean     NOT NULL,
    retired       boolean     NOT NULL,
    start_date    date,
    end_date      date,
    CONSTRAINT price_book_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT price_book_standard_check CHECK (NOT (is_standard AND retired)),
    CONSTRAINT price_book_dates_check CHECK (end_date >= start_date)
);
CREATE UNIQUE INDEX price_book_display_name_key ON price_book (tenant_id, display_name);
CREATE UNIQUE INDEX price_book_standard_key ON price_book (tenant_id, currency_code) WHERE is_standard;
ALTER TABLE price_book ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON price_book
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Prices of products in a book, from a day on. Tiers hold quantities and prices as decimal text.
CREATE TABLE price_entry (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    create_time   timestamptz NOT NULL,
    update_time   timestamptz NOT NULL,
    delete_time   timestamptz,
    revision      bigint      NOT NULL,
    price_book_id uuid        NOT NULL,
    product_id    uuid        NOT NULL,
    unit          text        COLLATE "C" NOT NULL,
    start_date    date,
    end_date      date,
    tier_mode     smallint    NOT NULL,
    tiers         jsonb       NOT NULL,
    owner_id      uuid        NOT NULL,
    external_ids  jsonb       NOT NULL,
    custom        jsonb       NOT NULL,
    -- Prices have no name to search; the column is there because lists have it.
    search_name   text        NOT NULL,
    CONSTRAINT price_entry_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT price_entry_price_book_fkey FOREIGN KEY (tenant_id, price_book_id) REFERENCES price_book (tenant_id, id),
    CONSTRAINT price_entry_product_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES product (tenant_id, id),
    CONSTRAINT price_entry_dates_check CHECK (end_date >= start_date)
);
-- One entry of a book, product and unit begins on a day; no day is a day too.
CREATE UNIQUE INDEX price_entry_start_key
    ON price_entry (tenant_id, price_book_id, product_id, unit, COALESCE(start_date, '-infinity'::date)) WHERE delete_time IS NULL;
CREATE INDEX price_entry_create_time_idx ON price_entry (tenant_id, create_time, id);
ALTER TABLE price_entry ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON price_entry
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
