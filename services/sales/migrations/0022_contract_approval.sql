-- Contracts that need approval, and those that the server renews.
ALTER TABLE contract
    -- 1 not needed, 2 pending, 3 approved, 4 rejected, 5 returned, 6 withdrawn, 7 failed.
    ADD COLUMN approval_state     smallint NOT NULL DEFAULT 0,
    ADD COLUMN approval_comment   text     NOT NULL DEFAULT '',
    -- The revision of the row that was last submitted for approval; 0 when none was.
    ADD COLUMN submitted_revision bigint   NOT NULL DEFAULT 0;

-- The tenant's rules for contracts; without a row the defaults hold.
CREATE TABLE contract_settings (
    tenant_id            uuid        NOT NULL,
    create_time          timestamptz NOT NULL,
    update_time          timestamptz NOT NULL,
    revision             bigint      NOT NULL,
    -- Decimal text.
    max_discount_percent text        NOT NULL,
    -- Ten-thousandths of the unit by currency.
    max_amounts          jsonb       NOT NULL,
    CONSTRAINT contract_settings_pkey PRIMARY KEY (tenant_id)
);
ALTER TABLE contract_settings ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON contract_settings
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Contracts in force (4 signed, 5 in performance) that are renewed by the server (rule 3) and that no other one follows yet.
CREATE INDEX contract_renewable_idx ON contract (tenant_id, id, notice_date, end_date)
    WHERE renewal_rule = 3 AND state IN (4, 5) AND renewal_id IS NULL AND delete_time IS NULL;

-- Those of all tenants, after a place, whose day of notice lies before a day and that end on another or later. Only where they stand, so that whoever renews them knows
-- which tenants to work for; the work itself is done under row-level security.
CREATE FUNCTION contract_renewable(day date, since date, after_tenant uuid, after_id uuid, most bigint)
    RETURNS TABLE (tenant_id uuid, id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$
    SELECT c.tenant_id, c.id FROM contract c
    WHERE c.renewal_rule = 3 AND c.state IN (4, 5) AND c.renewal_id IS NULL AND c.delete_time IS NULL
      AND c.notice_date < day AND c.end_date >= since AND (c.tenant_id, c.id) > (after_tenant, after_id)
    ORDER BY c.tenant_id, c.id
    LIMIT most
$$;
REVOKE ALL ON FUNCTION contract_renewable(date, date, uuid, uuid, bigint) FROM PUBLIC;
