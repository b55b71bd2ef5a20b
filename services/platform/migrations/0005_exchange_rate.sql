-- What currencies are worth in each other, by kind and first day.
CREATE TABLE exchange_rate (
    tenant_id           uuid        NOT NULL,
    id                  uuid        NOT NULL,
    create_time         timestamptz NOT NULL,
    update_time         timestamptz NOT NULL,
    revision            bigint      NOT NULL DEFAULT 1,
    base_currency_code  text        NOT NULL,
    quote_currency_code text        NOT NULL,
    rate                numeric(24, 12) NOT NULL,
    kind                smallint    NOT NULL,
    valid_from_date     date        NOT NULL,
    source              text        NOT NULL DEFAULT '',
    CONSTRAINT exchange_rate_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT exchange_rate_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (tenant_id),
    CONSTRAINT exchange_rate_key UNIQUE (tenant_id, base_currency_code, quote_currency_code, kind, valid_from_date),
    CONSTRAINT exchange_rate_pair_check CHECK (base_currency_code <> quote_currency_code),
    CONSTRAINT exchange_rate_rate_check CHECK (rate > 0),
    CONSTRAINT exchange_rate_kind_check CHECK (kind IN (1, 2, 3))
);
ALTER TABLE exchange_rate ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON exchange_rate
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
