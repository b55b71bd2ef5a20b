-- In which month a tenant's fiscal year begins. No row: January.
CREATE TABLE fiscal_calendar (
    tenant_id   uuid        NOT NULL,
    update_time timestamptz NOT NULL,
    revision    bigint      NOT NULL,
    first_month smallint    NOT NULL,
    CONSTRAINT fiscal_calendar_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT fiscal_calendar_month_check CHECK (first_month BETWEEN 1 AND 12)
);
ALTER TABLE fiscal_calendar ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON fiscal_calendar
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- What people and teams are to sell in a period.
CREATE TABLE quota (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    create_time     timestamptz NOT NULL,
    update_time     timestamptz NOT NULL,
    delete_time     timestamptz,
    revision        bigint      NOT NULL,
    -- The person, or who answers for the department.
    owner_id        uuid        NOT NULL,
    department_id   uuid,
    -- 1 amount won, 2 count won.
    measure         smallint    NOT NULL,
    -- 1 base, 2 sprint, 3 challenge.
    level           smallint    NOT NULL,
    -- 1 month, 2 quarter, 3 year.
    period_kind     smallint    NOT NULL,
    start_date      date        NOT NULL,
    end_date        date        NOT NULL,
    -- Ten-thousandths of the currency's unit, for measures of money.
    amount          bigint,
    amount_currency text        COLLATE "C" NOT NULL,
    count           bigint,
    -- 1 draft, 2 published, 3 locked.
    state           smallint    NOT NULL,
    version         bigint      NOT NULL,
    -- From when on and by whom the quota has its value; nil for the server.
    version_time    timestamptz NOT NULL,
    version_actor_id uuid       NOT NULL,
    publish_time    timestamptz,
    note            text        NOT NULL,
    external_ids    jsonb       NOT NULL,
    custom          jsonb       NOT NULL,
    -- Quotas have no name to search; the column is there because lists have it.
    search_name     text        NOT NULL,
    CONSTRAINT quota_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT quota_measure_check CHECK ((measure = 1) = (amount IS NOT NULL) AND (measure = 2) = (count IS NOT NULL)
                                          AND (amount IS NULL) = (amount_currency = '')),
    CONSTRAINT quota_value_check CHECK (COALESCE(amount, count) >= 0),
    CONSTRAINT quota_dates_check CHECK (end_date > start_date AND extract(day FROM start_date) = 1)
);
CREATE INDEX quota_create_time_idx ON quota (tenant_id, create_time, id);
CREATE INDEX quota_owner_idx ON quota (tenant_id, owner_id, start_date, id);
CREATE INDEX quota_bin_idx ON quota (delete_time, tenant_id, id) WHERE delete_time IS NOT NULL;
-- Quotas that wait to be locked, over all tenants.
CREATE INDEX quota_published_idx ON quota (end_date, tenant_id, id) WHERE state = 2 AND delete_time IS NULL;
ALTER TABLE quota ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON quota
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- The months of live quotas, each with its part of the value. A person or team has one value of a measure, level and currency for a month.
CREATE TABLE quota_month (
    tenant_id       uuid     NOT NULL,
    -- The department, or the person.
    subject_id      uuid     NOT NULL,
    month           date     NOT NULL,
    measure         smallint NOT NULL,
    level           smallint NOT NULL,
    amount_currency text     COLLATE "C" NOT NULL,
    value           bigint   NOT NULL,
    quota_id        uuid     NOT NULL,
    CONSTRAINT quota_month_pkey PRIMARY KEY (tenant_id, measure, level, subject_id, month, amount_currency),
    CONSTRAINT quota_month_quota_fkey FOREIGN KEY (tenant_id, quota_id) REFERENCES quota (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX quota_month_quota_idx ON quota_month (tenant_id, quota_id);
CREATE INDEX quota_month_month_idx ON quota_month (tenant_id, measure, level, month);
ALTER TABLE quota_month ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON quota_month
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- What published quotas were before they changed. Rows are only added.
CREATE TABLE quota_version (
    tenant_id       uuid        NOT NULL,
    quota_id        uuid        NOT NULL,
    version         bigint      NOT NULL,
    start_time      timestamptz NOT NULL,
    end_time        timestamptz NOT NULL,
    actor_id        uuid        NOT NULL,
    amount          bigint,
    amount_currency text        COLLATE "C" NOT NULL,
    count           bigint,
    note            text        NOT NULL,
    CONSTRAINT quota_version_pkey PRIMARY KEY (tenant_id, quota_id, version),
    CONSTRAINT quota_version_quota_fkey FOREIGN KEY (tenant_id, quota_id) REFERENCES quota (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE quota_version ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON quota_version
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Published quotas of all tenants whose period ended before a day. Only where they stand, so that whoever locks them knows which tenants to work for;
-- the work itself is done under row-level security.
CREATE FUNCTION quota_ended_before(day date, most bigint) RETURNS TABLE (tenant_id uuid, id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$
    SELECT q.tenant_id, q.id FROM quota q
    WHERE q.state = 2 AND q.delete_time IS NULL AND q.end_date < day
    ORDER BY q.end_date, q.tenant_id, q.id
    LIMIT most
$$;
REVOKE ALL ON FUNCTION quota_ended_before(date, bigint) FROM PUBLIC;
