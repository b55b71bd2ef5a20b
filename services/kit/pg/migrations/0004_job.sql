-- Work to do outside a request. The row names the work and nothing of its content, because workers claim across tenants: it is the one
-- table of the kit without row-level security.
CREATE TABLE job (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    kind        text        NOT NULL,
    run_after   timestamptz NOT NULL,
    lease_until timestamptz,
    attempts    integer     NOT NULL DEFAULT 0,
    last_error  text        NOT NULL DEFAULT '',
    CONSTRAINT job_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX job_due_idx ON job (kind, run_after);
