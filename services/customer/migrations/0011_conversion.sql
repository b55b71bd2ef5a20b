-- What became of leads that were converted: one row a lead, written with it.
CREATE TABLE conversion (
    tenant_id      uuid        NOT NULL,
    lead_id        uuid        NOT NULL,
    id             uuid        NOT NULL,
    create_time    timestamptz NOT NULL,
    operator_id    uuid        NOT NULL,
    account_id     uuid,
    contact_id     uuid,
    opportunity_id uuid,
    -- Fields of records that were there already and that the lead filled, as `contact.job_title`.
    filled_fields  text[]      NOT NULL,
    CONSTRAINT conversion_pkey PRIMARY KEY (tenant_id, lead_id)
);
ALTER TABLE conversion ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON conversion
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
