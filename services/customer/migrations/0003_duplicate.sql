-- The keys under which live records meet (查重). A record in the recycle bin has none here.
CREATE TABLE match_key (
    tenant_id  uuid NOT NULL,
    collection text COLLATE "C" NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    record_id  uuid NOT NULL,
    CONSTRAINT match_key_pkey PRIMARY KEY (tenant_id, collection, kind, key, record_id)
);
CREATE INDEX match_key_record_idx ON match_key (tenant_id, record_id);
ALTER TABLE match_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON match_key
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Keys by which a rule blocks, each taken by one record at a time: of two records written at once, the second waits here for the first.
CREATE TABLE duplicate_hold (
    tenant_id  uuid NOT NULL,
    collection text COLLATE "C" NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    record_id  uuid NOT NULL,
    CONSTRAINT duplicate_hold_pkey PRIMARY KEY (tenant_id, collection, kind, key)
);
CREATE INDEX duplicate_hold_record_idx ON duplicate_hold (tenant_id, record_id);
ALTER TABLE duplicate_hold ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON duplicate_hold
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- What happens when a record looks like another one. A tenant without a row for a collection works with the built-in rules.
CREATE TABLE duplicate_rule (
    tenant_id      uuid             NOT NULL,
    id             uuid             NOT NULL,
    create_time    timestamptz      NOT NULL,
    update_time    timestamptz      NOT NULL,
    revision       bigint           NOT NULL,
    display_name   text             NOT NULL,
    collection     text             COLLATE "C" NOT NULL,
    -- Kinds of `match_key`, all of which two records must share.
    keys           text[]           NOT NULL,
    threshold      double precision NOT NULL,
    outcome        smallint         NOT NULL,
    disabled       boolean          NOT NULL,
    ignored_values text[]           NOT NULL,
    -- The ignored values as they stand in `match_key.key`.
    ignored_keys   text[]           COLLATE "C" NOT NULL,
    CONSTRAINT duplicate_rule_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX duplicate_rule_name_key ON duplicate_rule (tenant_id, collection, display_name);
ALTER TABLE duplicate_rule ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON duplicate_rule
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
