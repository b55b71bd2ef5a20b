-- Names of live records in other systems. A record in the recycle bin has none here; it keeps them in its own row.
CREATE TABLE external_id (
    tenant_id  uuid NOT NULL,
    collection text NOT NULL,
    system     text NOT NULL,
    value      text NOT NULL,
    record_id  uuid NOT NULL,
    CONSTRAINT external_id_pkey PRIMARY KEY (tenant_id, collection, system, value)
);
CREATE INDEX external_id_record_idx ON external_id (tenant_id, record_id);
ALTER TABLE external_id ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON external_id
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
