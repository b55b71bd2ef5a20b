-- Number series. A process takes numbers in blocks, so that creates do not wait for each other; a block it does not use up is lost.
CREATE TABLE number_series (
    tenant_id uuid   NOT NULL,
    name      text   NOT NULL,
    next      bigint NOT NULL,
    CONSTRAINT number_series_pkey PRIMARY KEY (tenant_id, name)
);
ALTER TABLE number_series ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON number_series
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
