-- What the followers of the tests do with events.
CREATE TABLE effect (
    tenant_id uuid   NOT NULL,
    n         bigint GENERATED ALWAYS AS IDENTITY,
    record_id uuid   NOT NULL,
    note      text   NOT NULL,
    CONSTRAINT effect_pkey PRIMARY KEY (tenant_id, n)
);
ALTER TABLE effect ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON effect
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
