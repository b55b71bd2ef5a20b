-- Definitions of the fields that tenants add to accounts and contacts. The values stand in the column `custom` of the record.
CREATE TABLE custom_field (
    tenant_id            uuid        NOT NULL,
    id                   uuid        NOT NULL,
    create_time          timestamptz NOT NULL,
    update_time          timestamptz NOT NULL,
    revision             bigint      NOT NULL,
    display_name         text        NOT NULL,
    display_name_zh      text        NOT NULL,
    collection           text        COLLATE "C" NOT NULL,
    key                  text        COLLATE "C" NOT NULL,
    value_type           smallint    NOT NULL,
    required             boolean     NOT NULL,
    required_if          text        NOT NULL,
    is_unique            boolean     NOT NULL,
    -- Decimal text, empty for no limit.
    minimum              text        NOT NULL,
    maximum              text        NOT NULL,
    options              jsonb       NOT NULL,
    reference_collection text        NOT NULL,
    formula              text        NOT NULL,
    formula_type         smallint    NOT NULL,
    roll_up              jsonb,
    number_pattern       text        NOT NULL,
    filterable           boolean     NOT NULL,
    sensitivity          smallint    NOT NULL,
    retired              boolean     NOT NULL,
    CONSTRAINT custom_field_pkey PRIMARY KEY (tenant_id, id),
    -- Keys stand in SQL expressions of filters, so the database too takes no other characters.
    CONSTRAINT custom_field_key_check CHECK (key ~ '^[a-z][a-z0-9_]{0,39}$')
);
CREATE UNIQUE INDEX custom_field_key_key ON custom_field (tenant_id, collection, key);
ALTER TABLE custom_field ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON custom_field
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Values of unique fields held by live records. A record in the recycle bin has none here; it keeps them in its own row.
CREATE TABLE unique_value (
    tenant_id  uuid NOT NULL,
    collection text NOT NULL,
    field_id   uuid NOT NULL,
    value      text COLLATE "C" NOT NULL,
    record_id  uuid NOT NULL,
    CONSTRAINT unique_value_pkey PRIMARY KEY (tenant_id, collection, field_id, value)
);
CREATE INDEX unique_value_record_idx ON unique_value (tenant_id, record_id);
ALTER TABLE unique_value ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON unique_value
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
