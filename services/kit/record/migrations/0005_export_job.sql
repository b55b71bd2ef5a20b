-- Exports to files, each with the rights its creator had when it was asked for.
CREATE TABLE export_job (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    create_time     timestamptz NOT NULL,
    update_time     timestamptz NOT NULL,
    purge_time      timestamptz,
    creator_id      uuid        NOT NULL,
    rights          jsonb       NOT NULL,
    display_name    text        NOT NULL,
    collection      text        NOT NULL,
    filter          text        NOT NULL,
    fields          text[]      NOT NULL,
    file_kind       smallint    NOT NULL,
    header_language text        NOT NULL,
    state           smallint    NOT NULL,
    done_rows       bigint      NOT NULL,
    file_bytes      bigint      NOT NULL,
    failure         text        NOT NULL,
    -- Raised by every attempt; a worker of an older attempt writes nothing any more.
    attempt         bigint      NOT NULL,
    CONSTRAINT export_job_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX export_job_creator_idx ON export_job (tenant_id, creator_id, id);
ALTER TABLE export_job ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON export_job
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- The file in pieces; dropped 24 hours after it was made.
CREATE TABLE export_file_chunk (
    tenant_id uuid    NOT NULL,
    job_id    uuid    NOT NULL,
    seq       integer NOT NULL,
    data      bytea   NOT NULL,
    CONSTRAINT export_file_chunk_pkey PRIMARY KEY (tenant_id, job_id, seq)
);
ALTER TABLE export_file_chunk ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE export_file_chunk ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON export_file_chunk
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
