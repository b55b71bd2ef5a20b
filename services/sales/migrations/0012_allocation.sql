-- What receipts pay of instalments, as it stands, and the history of that.
CREATE TABLE allocation (
    tenant_id       uuid        NOT NULL,
    receipt_id      uuid        NOT NULL,
    payment_plan_id uuid        NOT NULL,
    create_time     timestamptz NOT NULL,
    update_time     timestamptz NOT NULL,
    -- Ten-thousandths of the currency's unit. A row whose amount comes to nothing is dropped.
    amount          bigint      NOT NULL,
    amount_currency text        COLLATE "C" NOT NULL,
    CONSTRAINT allocation_pkey PRIMARY KEY (tenant_id, receipt_id, payment_plan_id),
    CONSTRAINT allocation_receipt_fkey FOREIGN KEY (tenant_id, receipt_id) REFERENCES receipt (tenant_id, id),
    CONSTRAINT allocation_payment_plan_fkey FOREIGN KEY (tenant_id, payment_plan_id) REFERENCES payment_plan (tenant_id, id),
    CONSTRAINT allocation_amount_check CHECK (amount > 0)
);
CREATE INDEX allocation_payment_plan_idx ON allocation (tenant_id, payment_plan_id, receipt_id);
ALTER TABLE allocation ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON allocation
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Rows are only added; those of a receipt and an instalment add up to the allocation.
CREATE TABLE allocation_entry (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    seq             bigint      GENERATED ALWAYS AS IDENTITY,
    create_time     timestamptz NOT NULL,
    receipt_id      uuid        NOT NULL,
    payment_plan_id uuid        NOT NULL,
    -- Ten-thousandths of the currency's unit; negative for what was taken back.
    amount          bigint      NOT NULL,
    amount_currency text        COLLATE "C" NOT NULL,
    -- 1 allocated, 2 allocated automatically, 3 taken back, 4 taken back by a reversal.
    kind            smallint    NOT NULL,
    actor_id        uuid        NOT NULL,
    CONSTRAINT allocation_entry_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT allocation_entry_receipt_fkey FOREIGN KEY (tenant_id, receipt_id)
        REFERENCES receipt (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT allocation_entry_payment_plan_fkey FOREIGN KEY (tenant_id, payment_plan_id)
        REFERENCES payment_plan (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT allocation_entry_amount_check CHECK ((kind IN (1, 2)) = (amount > 0) AND amount <> 0)
);
CREATE INDEX allocation_entry_receipt_idx ON allocation_entry (tenant_id, receipt_id, seq);
CREATE INDEX allocation_entry_payment_plan_idx ON allocation_entry (tenant_id, payment_plan_id, seq);
ALTER TABLE allocation_entry ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON allocation_entry
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
