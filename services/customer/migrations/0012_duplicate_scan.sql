-- Scans of a whole collection for duplicates, the sets that the last one found, and pairs that people told apart.
CREATE TABLE duplicate_scan (
    tenant_id   uuid             NOT NULL,
    id          uuid             NOT NULL,
    create_time timestamptz      NOT NULL,
    update_time timestamptz      NOT NULL,
    start_time  timestamptz,
    end_time    timestamptz,
    creator_id  uuid             NOT NULL,
    rights      jsonb            NOT NULL,
    collection  text             COLLATE "C" NOT NULL,
    threshold   double precision NOT NULL,
    state       smallint         NOT NULL,
    total_rows  bigint           NOT NULL,
    done_rows   bigint           NOT NULL,
    set_count   bigint           NOT NULL,
    failure     text             NOT NULL,
    attempt     bigint           NOT NULL,
    CONSTRAINT duplicate_scan_pkey PRIMARY KEY (tenant_id, id)
);
-- One at a time; 1 is RUNNING.
CREATE UNIQUE INDEX duplicate_scan_running_key ON duplicate_scan (tenant_id, collection) WHERE state = 1;
ALTER TABLE duplicate_scan ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON duplicate_scan
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

CREATE TABLE duplicate_set (
    tenant_id     uuid               NOT NULL,
    id            uuid               NOT NULL,
    create_time   timestamptz        NOT NULL,
    scan_id       uuid               NOT NULL,
    collection    text               COLLATE "C" NOT NULL,
    record_ids    uuid[]             NOT NULL,
    -- How likely each record is one party with that of the set it is most like, in the order of `record_ids`.
    probabilities double precision[] NOT NULL,
    CONSTRAINT duplicate_set_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT duplicate_set_scan_fkey FOREIGN KEY (tenant_id, scan_id) REFERENCES duplicate_scan (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX duplicate_set_collection_idx ON duplicate_set (tenant_id, collection, id);
CREATE INDEX duplicate_set_scan_idx ON duplicate_set (tenant_id, scan_id);
ALTER TABLE duplicate_set ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON duplicate_set
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

CREATE TABLE duplicate_dismissal (
    tenant_id   uuid        NOT NULL,
    collection  text        COLLATE "C" NOT NULL,
    -- The smaller id first.
    a_id        uuid        NOT NULL,
    b_id        uuid        NOT NULL,
    create_time timestamptz NOT NULL,
    creator_id  uuid        NOT NULL,
    CONSTRAINT duplicate_dismissal_pkey PRIMARY KEY (tenant_id, collection, a_id, b_id),
    CONSTRAINT duplicate_dismissal_order_check CHECK (a_id < b_id)
);
CREATE INDEX duplicate_dismissal_b_idx ON duplicate_dismissal (tenant_id, collection, b_id);
ALTER TABLE duplicate_dismissal ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON duplicate_dismissal
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
