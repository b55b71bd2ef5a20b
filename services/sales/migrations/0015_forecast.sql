-- Days on which deals were expected to close, as they moved. Rows are only added.
CREATE TABLE close_date_move (
    tenant_id      uuid        NOT NULL,
    opportunity_id uuid        NOT NULL,
    seq            bigint      GENERATED ALWAYS AS IDENTITY,
    move_time      timestamptz NOT NULL,
    from_date      date        NOT NULL,
    -- Unset when the deal lost its day.
    to_date        date,
    CONSTRAINT close_date_move_pkey PRIMARY KEY (tenant_id, opportunity_id, seq),
    CONSTRAINT close_date_move_opportunity_fkey FOREIGN KEY (tenant_id, opportunity_id)
        REFERENCES opportunity (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX close_date_move_from_date_idx ON close_date_move (tenant_id, from_date, opportunity_id);
ALTER TABLE close_date_move ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON close_date_move
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- What forecasts read of deals, in the order of the days by which they count.
CREATE INDEX opportunity_forecast_open_idx ON opportunity (tenant_id, close_date)
    INCLUDE (owner_id, forecast_category, amount_currency, amount, expected_revenue, id) WHERE state = 1 AND delete_time IS NULL;
CREATE INDEX opportunity_forecast_won_idx ON opportunity (tenant_id, closed_date)
    INCLUDE (owner_id, amount_currency, amount) WHERE state = 2 AND delete_time IS NULL;

-- What people think figures of forecasts will be, beside the figures.
CREATE TABLE forecast_adjustment (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    create_time     timestamptz NOT NULL,
    update_time     timestamptz NOT NULL,
    user_id         uuid        NOT NULL,
    period_kind     smallint    NOT NULL,
    start_date      date        NOT NULL,
    figure          smallint    NOT NULL,
    -- 1 by the person itself, 2 by somebody above.
    kind            smallint    NOT NULL,
    author_id       uuid        NOT NULL,
    amount_currency text        COLLATE "C" NOT NULL,
    original        bigint      NOT NULL,
    amount          bigint      NOT NULL,
    note            text        NOT NULL,
    CONSTRAINT forecast_adjustment_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT forecast_adjustment_kind_check CHECK ((kind = 1) = (author_id = user_id))
);
CREATE UNIQUE INDEX forecast_adjustment_figure_key
    ON forecast_adjustment (tenant_id, start_date, period_kind, user_id, figure, amount_currency, author_id);
ALTER TABLE forecast_adjustment ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON forecast_adjustment
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Forecasts as they were handed in. Rows are only added.
CREATE TABLE forecast_submission (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    create_time timestamptz NOT NULL,
    user_id     uuid        NOT NULL,
    period_kind smallint    NOT NULL,
    start_date  date        NOT NULL,
    note        text        NOT NULL,
    -- The message crm.sales.v1.Forecast.
    forecast    bytea       NOT NULL,
    CONSTRAINT forecast_submission_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX forecast_submission_user_idx ON forecast_submission (tenant_id, user_id, id);
ALTER TABLE forecast_submission ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON forecast_submission
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
