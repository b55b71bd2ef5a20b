-- Those who might buy, before it is known whether.
CREATE TABLE lead (
    tenant_id                uuid        NOT NULL,
    id                       uuid        NOT NULL,
    create_time              timestamptz NOT NULL,
    update_time              timestamptz NOT NULL,
    delete_time              timestamptz,
    revision                 bigint      NOT NULL,
    display_name             text        COLLATE "C" NOT NULL,
    family_name              text        NOT NULL,
    given_name               text        NOT NULL,
    salutation               text        NOT NULL,
    job_title                text        NOT NULL,
    department               text        NOT NULL,
    company_name             text        COLLATE "C" NOT NULL,
    industry                 text        COLLATE "C" NOT NULL,
    employee_count           bigint      NOT NULL,
    region                   text        COLLATE "C" NOT NULL,
    website                  text        NOT NULL,
    phone                    text        NOT NULL,
    email                    text        NOT NULL,
    address                  jsonb,
    source                   text        NOT NULL,
    channel                  text        NOT NULL,
    campaign_id              uuid,
    utm                      jsonb       NOT NULL,
    score                    integer     NOT NULL,
    rating                   smallint    NOT NULL,
    status                   smallint    NOT NULL,
    status_reason            text        NOT NULL,
    status_time              timestamptz NOT NULL,
    owner_id                 uuid,
    pool_id                  uuid,
    claim_time               timestamptz,
    last_activity_time       timestamptz,
    duplicate_of_id          uuid,
    converted_account_id     uuid,
    converted_contact_id     uuid,
    converted_opportunity_id uuid,
    convert_time             timestamptz,
    tags                     text[]      NOT NULL,
    description              text        NOT NULL,
    external_ids             jsonb       NOT NULL,
    custom                   jsonb       NOT NULL,
    -- What `q` searches: names with their pinyin, the digits of the telephone number, the e-mail address.
    search_name              text        NOT NULL,
    search_phone             text        NOT NULL,
    search_email             text        NOT NULL,
    CONSTRAINT lead_pkey PRIMARY KEY (tenant_id, id),
    -- A lead has an owner or waits in a pool.
    CONSTRAINT lead_owner_or_pool_check CHECK ((owner_id IS NULL) <> (pool_id IS NULL)),
    CONSTRAINT lead_reachable_check CHECK (phone <> '' OR email <> '')
);
CREATE INDEX lead_create_time_idx ON lead (tenant_id, create_time, id);
CREATE INDEX lead_update_time_idx ON lead (tenant_id, update_time, id);
CREATE INDEX lead_display_name_idx ON lead (tenant_id, display_name, id);
CREATE INDEX lead_owner_idx ON lead (tenant_id, owner_id, create_time, id);
CREATE INDEX lead_pool_idx ON lead (tenant_id, pool_id, create_time, id) WHERE pool_id IS NOT NULL;
CREATE INDEX lead_status_idx ON lead (tenant_id, status, create_time, id);
CREATE INDEX lead_phone_idx ON lead (tenant_id, phone) WHERE phone <> '';
CREATE INDEX lead_email_idx ON lead (tenant_id, email) WHERE email <> '';
CREATE INDEX lead_search_name_idx ON lead USING gin (search_name gin_trgm_ops);
CREATE INDEX lead_search_phone_idx ON lead USING gin (search_phone gin_trgm_ops);
CREATE INDEX lead_search_email_idx ON lead USING gin (search_email gin_trgm_ops);
CREATE INDEX lead_tags_idx ON lead USING gin (tags);
CREATE INDEX lead_custom_idx ON lead USING gin (custom jsonb_path_ops);
ALTER TABLE lead ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON lead
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- How leads came to their status. Rows are only added: one write of a lead, named by its revision, may take several steps.
CREATE TABLE lead_status_change (
    tenant_id   uuid        NOT NULL,
    lead_id     uuid        NOT NULL,
    revision    bigint      NOT NULL,
    step        integer     NOT NULL,
    change_time timestamptz NOT NULL,
    from_status smallint    NOT NULL,
    to_status   smallint    NOT NULL,
    actor_id    uuid        NOT NULL,
    reason      text        NOT NULL,
    CONSTRAINT lead_status_change_pkey PRIMARY KEY (tenant_id, lead_id, revision, step),
    CONSTRAINT lead_status_change_lead_fkey FOREIGN KEY (tenant_id, lead_id) REFERENCES lead (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE lead_status_change ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON lead_status_change
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
-- The role of daily work, whatever its name, can add changes and not alter them.
CREATE FUNCTION lead_status_change_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'changes of status are only added' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER lead_status_change_keep BEFORE UPDATE ON lead_status_change
    FOR EACH ROW EXECUTE FUNCTION lead_status_change_keep();
