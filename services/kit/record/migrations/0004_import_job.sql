-- Imports of files. A job keeps the rights its creator had, in whose name it works.
CREATE TABLE import_job (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    create_time     timestamptz NOT NULL,
    update_time     timestamptz NOT NULL,
    revision        bigint      NOT NULL,
    creator_id      uuid        NOT NULL,
    rights          jsonb       NOT NULL,
    display_name    text        NOT NULL,
    collection      text        NOT NULL,
    mode            smallint    NOT NULL,
    format          jsonb       NOT NULL,
    columns         jsonb       NOT NULL,
    external_system text        NOT NULL,
    state           smallint    NOT NULL,
    failure         text        NOT NULL,
    -- The upload whose chunks are taken; a new one makes an older one fail.
    upload_id       uuid        NOT NULL,
    uploaded_bytes  bigint      NOT NULL,
    -- Raised by every pass over the file; a worker of an older pass writes nothing any more.
    pass            bigint      NOT NULL,
    pass_time       timestamptz,
    -- Column names of the file, known after the first pass, and the line they stand on.
    header          text[]      NOT NULL,
    -- The row of the file that was handled last, in this pass.
    last_line       bigint      NOT NULL,
    -- 1 writes the rows; 2, when rows wait for records further down the file, ties them to these.
    round           smallint    NOT NULL,
    links_wait      boolean     NOT NULL,
    total_rows      bigint      NOT NULL,
    done_rows       bigint      NOT NULL,
    created_rows    bigint      NOT NULL,
    updated_rows    bigint      NOT NULL,
    unchanged_rows  bigint      NOT NULL,
    failed_rows     bigint      NOT NULL,
    end_time        timestamptz,
    CONSTRAINT import_job_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX import_job_creator_idx ON import_job (tenant_id, creator_id, id);
CREATE INDEX import_job_upload_idx ON import_job (tenant_id, upload_id);
ALTER TABLE import_job ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON import_job
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- The uploaded file in pieces; dropped 7 days after the job ended.
CREATE TABLE import_file_chunk (
    tenant_id uuid    NOT NULL,
    job_id    uuid    NOT NULL,
    seq       integer NOT NULL,
    data      bytea   NOT NULL,
    CONSTRAINT import_file_chunk_pkey PRIMARY KEY (tenant_id, job_id, seq)
);
-- Uploads are packed already or read once; compressing them costs more than it saves.
ALTER TABLE import_file_chunk ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE import_file_chunk ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON import_file_chunk
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- What is wrong with rows, found by the last pass. The first error of a row keeps the row itself.
CREATE TABLE import_error (
    tenant_id   uuid    NOT NULL,
    job_id      uuid    NOT NULL,
    line        bigint  NOT NULL,
    seq         integer NOT NULL,
    column_name text    NOT NULL,
    field       text    NOT NULL,
    code        text    NOT NULL,
    message     text    NOT NULL,
    cells       jsonb,
    CONSTRAINT import_error_pkey PRIMARY KEY (tenant_id, job_id, line, seq)
);
ALTER TABLE import_error ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON import_error
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
