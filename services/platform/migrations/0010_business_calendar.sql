-- Business calendars, and what each said in every version.
CREATE TABLE business_calendar (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    create_time  timestamptz NOT NULL,
    update_time  timestamptz NOT NULL,
    delete_time  timestamptz,
    revision     bigint      NOT NULL DEFAULT 1,
    display_name text        NOT NULL,
    name_key     text        NOT NULL,
    time_zone    text        NOT NULL,
    version      integer     NOT NULL,
    CONSTRAINT business_calendar_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT business_calendar_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (tenant_id)
);
CREATE UNIQUE INDEX business_calendar_name_key ON business_calendar (tenant_id, name_key) WHERE delete_time IS NULL;
ALTER TABLE business_calendar ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON business_calendar
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Never changed. hours holds weekly hours and special days as crm.platform.v1.BusinessCalendar carries them.
CREATE TABLE business_calendar_version (
    tenant_id   uuid        NOT NULL,
    calendar_id uuid        NOT NULL,
    version     integer     NOT NULL,
    create_time timestamptz NOT NULL,
    hours       bytea       NOT NULL,
    CONSTRAINT business_calendar_version_pkey PRIMARY KEY (tenant_id, calendar_id, version),
    CONSTRAINT business_calendar_version_calendar_fkey
        FOREIGN KEY (tenant_id, calendar_id) REFERENCES business_calendar (tenant_id, id)
);
ALTER TABLE business_calendar_version ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON business_calendar_version
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
