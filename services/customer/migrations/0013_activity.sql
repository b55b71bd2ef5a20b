-- What was said and done with customers.
CREATE TABLE interaction (
    tenant_id        uuid        NOT NULL,
    id               uuid        NOT NULL,
    create_time      timestamptz NOT NULL,
    update_time      timestamptz NOT NULL,
    delete_time      timestamptz,
    revision         bigint      NOT NULL,
    display_name     text        COLLATE "C" NOT NULL,
    kind             smallint    NOT NULL,
    direction        smallint    NOT NULL,
    start_time       timestamptz NOT NULL,
    duration_seconds bigint      NOT NULL,
    -- Lists that are always read with the record: people as {user_id, contact_id, display_name}, links as {service, collection, id, display_name}.
    participants     jsonb       NOT NULL,
    outcome          text        NOT NULL,
    description      text        NOT NULL,
    account_id       uuid,
    contact_id       uuid,
    lead_id          uuid,
    -- Of the sales service.
    opportunity_id   uuid,
    links            jsonb       NOT NULL,
    owner_id         uuid        NOT NULL,
    tags             text[]      NOT NULL,
    external_ids     jsonb       NOT NULL,
    custom           jsonb       NOT NULL,
    search_name      text        NOT NULL,
    CONSTRAINT interaction_pkey PRIMARY KEY (tenant_id, id),
    -- Deferred, so that a reference out of the caller's scope and one to nothing are told by the same check.
    CONSTRAINT interaction_account_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, id)
        ON DELETE SET NULL (account_id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT interaction_contact_fkey FOREIGN KEY (tenant_id, contact_id) REFERENCES contact (tenant_id, id)
        ON DELETE SET NULL (contact_id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT interaction_lead_fkey FOREIGN KEY (tenant_id, lead_id) REFERENCES lead (tenant_id, id)
        ON DELETE SET NULL (lead_id) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX interaction_create_time_idx ON interaction (tenant_id, create_time, id);
CREATE INDEX interaction_update_time_idx ON interaction (tenant_id, update_time, id);
CREATE INDEX interaction_start_time_idx ON interaction (tenant_id, start_time, id);
CREATE INDEX interaction_owner_idx ON interaction (tenant_id, owner_id, start_time, id);
CREATE INDEX interaction_account_idx ON interaction (tenant_id, account_id, start_time, id) WHERE account_id IS NOT NULL;
CREATE INDEX interaction_contact_idx ON interaction (tenant_id, contact_id, start_time, id) WHERE contact_id IS NOT NULL;
CREATE INDEX interaction_lead_idx ON interaction (tenant_id, lead_id, start_time, id) WHERE lead_id IS NOT NULL;
CREATE INDEX interaction_opportunity_idx ON interaction (tenant_id, opportunity_id, start_time, id) WHERE opportunity_id IS NOT NULL;
-- Which interactions name a record that goes.
CREATE INDEX interaction_links_idx ON interaction USING gin (links jsonb_path_ops);
CREATE INDEX interaction_participants_idx ON interaction USING gin (participants jsonb_path_ops);
-- The order in which the recycle bin is emptied, over all tenants.
CREATE INDEX interaction_bin_idx ON interaction (delete_time, tenant_id, id) WHERE delete_time IS NOT NULL;
CREATE INDEX interaction_search_name_idx ON interaction USING gin (search_name gin_trgm_ops);
ALTER TABLE interaction ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON interaction
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- What people are to do.
CREATE TABLE task (
    tenant_id              uuid        NOT NULL,
    id                     uuid        NOT NULL,
    create_time            timestamptz NOT NULL,
    update_time            timestamptz NOT NULL,
    delete_time            timestamptz,
    revision               bigint      NOT NULL,
    display_name           text        COLLATE "C" NOT NULL,
    state                  smallint    NOT NULL,
    state_reason           text        NOT NULL,
    priority               smallint    NOT NULL,
    due_time               timestamptz,
    start_time             timestamptz,
    end_time               timestamptz,
    completion_criterion   text        NOT NULL,
    description            text        NOT NULL,
    account_id             uuid,
    contact_id             uuid,
    lead_id                uuid,
    opportunity_id         uuid,
    links                  jsonb       NOT NULL,
    -- {frequency, interval, until, anchor}; the anchor is the due time from which the series is counted.
    recurrence             jsonb,
    series_id              uuid,
    escalation             smallint    NOT NULL,
    escalation_delay_hours bigint      NOT NULL,
    escalate_time          timestamptz,
    escalated_to_id        uuid,
    -- When the superior is to be told; NULL when nobody is, or was already.
    escalation_due_time    timestamptz,
    owner_id               uuid        NOT NULL,
    tags                   text[]      NOT NULL,
    external_ids           jsonb       NOT NULL,
    custom                 jsonb       NOT NULL,
    search_name            text        NOT NULL,
    CONSTRAINT task_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT task_account_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, id)
        ON DELETE SET NULL (account_id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT task_contact_fkey FOREIGN KEY (tenant_id, contact_id) REFERENCES contact (tenant_id, id)
        ON DELETE SET NULL (contact_id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT task_lead_fkey FOREIGN KEY (tenant_id, lead_id) REFERENCES lead (tenant_id, id)
        ON DELETE SET NULL (lead_id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT task_recurrence_check CHECK (recurrence IS NULL OR due_time IS NOT NULL)
);
CREATE INDEX task_create_time_idx ON task (tenant_id, create_time, id);
CREATE INDEX task_update_time_idx ON task (tenant_id, update_time, id);
CREATE INDEX task_due_time_idx ON task (tenant_id, COALESCE(due_time, 'infinity'::timestamptz), id);
CREATE INDEX task_owner_idx ON task (tenant_id, owner_id, COALESCE(due_time, 'infinity'::timestamptz), id);
CREATE INDEX task_account_idx ON task (tenant_id, account_id, create_time, id) WHERE account_id IS NOT NULL;
CREATE INDEX task_contact_idx ON task (tenant_id, contact_id, create_time, id) WHERE contact_id IS NOT NULL;
CREATE INDEX task_lead_idx ON task (tenant_id, lead_id, create_time, id) WHERE lead_id IS NOT NULL;
CREATE INDEX task_opportunity_idx ON task (tenant_id, opportunity_id, create_time, id) WHERE opportunity_id IS NOT NULL;
CREATE INDEX task_escalation_idx ON task (tenant_id, escalation_due_time, id) WHERE escalation_due_time IS NOT NULL AND delete_time IS NULL;
CREATE INDEX task_links_idx ON task USING gin (links jsonb_path_ops);
CREATE INDEX task_bin_idx ON task (delete_time, tenant_id, id) WHERE delete_time IS NOT NULL;
CREATE INDEX task_search_name_idx ON task USING gin (search_name gin_trgm_ops);
ALTER TABLE task ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON task
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- The time line of accounts: one row for each live interaction and task that is about an account, or about a contact whose primary account it was.
CREATE TABLE activity (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    -- 1 interaction, 2 task.
    kind          smallint    NOT NULL,
    account_id    uuid        NOT NULL,
    activity_time timestamptz NOT NULL,
    owner_id      uuid        NOT NULL,
    CONSTRAINT activity_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT activity_account_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX activity_account_idx ON activity (tenant_id, account_id, activity_time, id);
ALTER TABLE activity ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON activity
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
