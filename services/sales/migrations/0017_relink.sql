-- Deals that refer to merged accounts and contacts follow them to the survivors, and back when a merge is undone.
CREATE TABLE relink (
    tenant_id    uuid        NOT NULL,
    -- That of the merge.
    id           uuid        NOT NULL,
    create_time  timestamptz NOT NULL,
    collection   text        COLLATE "C" NOT NULL,
    from_ids     uuid[]      NOT NULL,
    into_id      uuid        NOT NULL,
    -- Name of the survivor.
    display_name text        NOT NULL,
    undone       boolean     NOT NULL,
    CONSTRAINT relink_pkey PRIMARY KEY (tenant_id, id)
);
ALTER TABLE relink ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON relink
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- What that changed of deals: the columns that differ, before and after it.
CREATE TABLE relink_change (
    tenant_id      uuid  NOT NULL,
    relink_id      uuid  NOT NULL,
    opportunity_id uuid  NOT NULL,
    patch          jsonb NOT NULL,
    CONSTRAINT relink_change_pkey PRIMARY KEY (tenant_id, relink_id, opportunity_id),
    CONSTRAINT relink_change_relink_fkey FOREIGN KEY (tenant_id, relink_id) REFERENCES relink (tenant_id, id),
    CONSTRAINT relink_change_opportunity_fkey FOREIGN KEY (tenant_id, opportunity_id)
        REFERENCES opportunity (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX relink_change_opportunity_idx ON relink_change (tenant_id, opportunity_id);
ALTER TABLE relink_change ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON relink_change
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Deals that a contact takes part in.
CREATE INDEX opportunity_contacts_idx ON opportunity USING gin (contacts jsonb_path_ops);
