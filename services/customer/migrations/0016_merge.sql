-- Records that became one. A merge is told by its row; what it takes to undo it stands in the two tables below.
CREATE TABLE merge (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    create_time timestamptz NOT NULL,
    update_time timestamptz NOT NULL,
    collection  text        COLLATE "C" NOT NULL,
    survivor_id uuid        NOT NULL,
    -- The survivor, or what that went into later.
    current_id  uuid        NOT NULL,
    loser_ids   uuid[]      NOT NULL,
    creator_id  uuid        NOT NULL,
    -- 1 moving, 2 complete, 3 undoing, 4 undone.
    state       smallint    NOT NULL,
    -- Services that have not yet followed.
    awaited     text[]      COLLATE "C" NOT NULL,
    moved_count bigint      NOT NULL,
    -- Fields that changed, as {path, policy, from}; and of an undone merge what stayed, as {collection, record_id, path}.
    fields      jsonb       NOT NULL,
    conflicts   jsonb       NOT NULL,
    undo_time   timestamptz,
    undoer_id   uuid,
    CONSTRAINT merge_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX merge_survivor_idx ON merge (tenant_id, survivor_id);
CREATE INDEX merge_current_idx ON merge (tenant_id, current_id);
CREATE INDEX merge_losers_idx ON merge USING gin (loser_ids);
ALTER TABLE merge ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON merge
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Records that went into others, as they were. They are in no other table, so no list, search, rule or recycle bin knows them; their ids lead to
-- `current_id` for ever. What they held is dropped when the record they lead to is purged.
CREATE TABLE merged_record (
    tenant_id  uuid  NOT NULL,
    record_id  uuid  NOT NULL,
    collection text  COLLATE "C" NOT NULL,
    merge_id   uuid  NOT NULL,
    current_id uuid  NOT NULL,
    document   jsonb,
    -- Rows that hung on the record in tables of its kind.
    parts      jsonb,
    CONSTRAINT merged_record_pkey PRIMARY KEY (tenant_id, record_id),
    CONSTRAINT merged_record_merge_fkey FOREIGN KEY (tenant_id, merge_id) REFERENCES merge (tenant_id, id)
);
CREATE INDEX merged_record_current_idx ON merged_record (tenant_id, current_id);
CREATE INDEX merged_record_merge_idx ON merged_record (tenant_id, merge_id);
ALTER TABLE merged_record ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON merged_record
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- What a merge changed of its survivor and of records that referred to its losers: the columns that differ, before and after it.
CREATE TABLE merge_change (
    tenant_id  uuid  NOT NULL,
    merge_id   uuid  NOT NULL,
    record_id  uuid  NOT NULL,
    collection text  COLLATE "C" NOT NULL,
    patch      jsonb NOT NULL,
    CONSTRAINT merge_change_pkey PRIMARY KEY (tenant_id, merge_id, record_id),
    CONSTRAINT merge_change_merge_fkey FOREIGN KEY (tenant_id, merge_id) REFERENCES merge (tenant_id, id)
);
CREATE INDEX merge_change_record_idx ON merge_change (tenant_id, record_id);
ALTER TABLE merge_change ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON merge_change
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Which leads were converted to a contact that is merged.
CREATE INDEX lead_converted_contact_idx ON lead (tenant_id, converted_contact_id) WHERE converted_contact_id IS NOT NULL;
-- Sets that a merged record stands in.
CREATE INDEX duplicate_set_records_idx ON duplicate_set USING gin (record_ids);
