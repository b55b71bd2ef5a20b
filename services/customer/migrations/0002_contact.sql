-- People the tenant deals with.
CREATE TABLE contact (
    tenant_id          uuid        NOT NULL,
    id                 uuid        NOT NULL,
    create_time        timestamptz NOT NULL,
    update_time        timestamptz NOT NULL,
    delete_time        timestamptz,
    revision           bigint      NOT NULL,
    display_name       text        COLLATE "C" NOT NULL,
    family_name        text        COLLATE "C" NOT NULL,
    given_name         text        NOT NULL,
    middle_name        text        NOT NULL,
    salutation         text        NOT NULL,
    job_title          text        NOT NULL,
    department         text        NOT NULL,
    reports_to_id      uuid,
    -- Lists that are always read with the person: points as {value, kind, primary, verified}, ties as in `contact_account` with their role and days.
    emails             jsonb       NOT NULL,
    phones             jsonb       NOT NULL,
    accounts           jsonb       NOT NULL,
    mailing_address    jsonb,
    -- {year, month, day}; the year is 0 when only the day is known.
    birth_date         jsonb,
    language_code      text        NOT NULL,
    source             text        NOT NULL,
    owner_id           uuid,
    life_cycle_stage   smallint    NOT NULL,
    last_activity_time timestamptz,
    tags               text[]      NOT NULL,
    description        text        NOT NULL,
    external_ids       jsonb       NOT NULL,
    custom             jsonb       NOT NULL,
    -- The primary ones of the lists above, for filters. `account_id` is also in `contact_account`, whose foreign key holds it.
    account_id         uuid,
    email              text        NOT NULL,
    phone              text        NOT NULL,
    -- What `q` searches: names with their pinyin, the digits of all telephone numbers, all e-mail addresses in lower case.
    search_name        text        NOT NULL,
    search_phone       text        NOT NULL,
    search_email       text        NOT NULL,
    CONSTRAINT contact_pkey PRIMARY KEY (tenant_id, id),
    -- Deferred, so that a reference out of the caller's scope and one to nothing are told by the same check.
    CONSTRAINT contact_reports_to_fkey FOREIGN KEY (tenant_id, reports_to_id) REFERENCES contact (tenant_id, id)
        DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX contact_create_time_idx ON contact (tenant_id, create_time, id);
CREATE INDEX contact_update_time_idx ON contact (tenant_id, update_time, id);
CREATE INDEX contact_display_name_idx ON contact (tenant_id, display_name, id);
CREATE INDEX contact_family_name_idx ON contact (tenant_id, family_name, id);
CREATE INDEX contact_owner_idx ON contact (tenant_id, owner_id, create_time, id);
CREATE INDEX contact_account_id_idx ON contact (tenant_id, account_id, create_time, id) WHERE account_id IS NOT NULL;
CREATE INDEX contact_email_idx ON contact (tenant_id, email) WHERE email <> '';
CREATE INDEX contact_phone_idx ON contact (tenant_id, phone) WHERE phone <> '';
CREATE INDEX contact_reports_to_idx ON contact (tenant_id, reports_to_id) WHERE reports_to_id IS NOT NULL;
CREATE INDEX contact_search_name_idx ON contact USING gin (search_name gin_trgm_ops);
CREATE INDEX contact_search_phone_idx ON contact USING gin (search_phone gin_trgm_ops);
CREATE INDEX contact_search_email_idx ON contact USING gin (search_email gin_trgm_ops);
CREATE INDEX contact_tags_idx ON contact USING gin (tags);
ALTER TABLE contact ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON contact
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Which contacts belong to which accounts: one row for each pair, however many ties `contact.accounts` has between them.
CREATE TABLE contact_account (
    tenant_id  uuid NOT NULL,
    contact_id uuid NOT NULL,
    account_id uuid NOT NULL,
    CONSTRAINT contact_account_pkey PRIMARY KEY (tenant_id, contact_id, account_id),
    CONSTRAINT contact_account_contact_fkey FOREIGN KEY (tenant_id, contact_id) REFERENCES contact (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT contact_account_account_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, id)
);
CREATE INDEX contact_account_account_idx ON contact_account (tenant_id, account_id, contact_id);
ALTER TABLE contact_account ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON contact_account
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
