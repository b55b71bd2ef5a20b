-- What was submitted for approval, or is about to be: an intent that is stored with the object's own change and carried to the platform afterwards.
CREATE TABLE approval_submission (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    create_time     timestamptz NOT NULL,
    object_type     text        COLLATE "C" NOT NULL,
    object_id       uuid        NOT NULL,
    object_revision bigint      NOT NULL,
    display_name    text        NOT NULL,
    comment         text        NOT NULL,
    submitter_id    uuid        NOT NULL,
    -- What is approved; a decision about other values is not believed.
    submitted       jsonb       NOT NULL,
    -- How far it is: 1 asked for, 2 carried to the platform, 3 decided, 4 settled, 5 taken back.
    state           smallint    NOT NULL,
    -- Whether the platform may have been asked.
    tried           boolean     NOT NULL,
    request_id      uuid,
    -- State of the platform's request when it is decided, and what whoever decided says; 0 when the platform did not take it.
    decision        smallint    NOT NULL,
    decision_comment text       NOT NULL,
    CONSTRAINT approval_submission_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT approval_submission_object_key UNIQUE (tenant_id, object_type, object_id, object_revision)
);
ALTER TABLE approval_submission ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON approval_submission
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
