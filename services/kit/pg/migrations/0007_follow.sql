-- Services follow each other's change logs over all tenants. The reading side: the log in its one order, across tenants, for other services of the
-- installation only. The functions run as the owner of the tables, whom row-level security does not bind, and read nothing else.
CREATE INDEX outbox_order_idx ON outbox (tx, seq);

CREATE FUNCTION kit_events_after(after_tx bigint, after_seq bigint, horizon bigint, wanted text[], most bigint) RETURNS SETOF outbox
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$
    SELECT o.* FROM outbox o
    WHERE (o.tx, o.seq) > (after_tx, after_seq) AND o.tx < horizon AND (cardinality(wanted) = 0 OR o.collection = ANY (wanted))
    ORDER BY o.tx, o.seq
    LIMIT most
$$;
REVOKE ALL ON FUNCTION kit_events_after(bigint, bigint, bigint, text[], bigint) FROM PUBLIC;

-- How far the log of any tenant was cut.
CREATE FUNCTION kit_trimmed() RETURNS TABLE (tx bigint, seq bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$
    SELECT t.tx, t.seq FROM outbox_trim t ORDER BY t.tx DESC, t.seq DESC LIMIT 1
$$;
REVOKE ALL ON FUNCTION kit_trimmed() FROM PUBLIC;

-- The following side. Where each follower of this service stands in the log of its source, and which process follows right now. Of no tenant, and so
-- without row-level security; it holds no data of any.
CREATE TABLE follow_position (
    follower    text        NOT NULL,
    source      text        NOT NULL,
    cursor      text        NOT NULL DEFAULT '',
    holder      uuid,
    lease_until timestamptz,
    -- When the log was last found cut before the position: what was learned before may have missed changes.
    gap_time    timestamptz,
    CONSTRAINT follow_position_pkey PRIMARY KEY (follower)
);

-- Events that were taken, written in the transaction of their effect, so that none has its effect twice. Kept for longer than a log can be replayed.
CREATE TABLE inbox (
    tenant_id    uuid        NOT NULL,
    follower     text        NOT NULL,
    event_id     uuid        NOT NULL,
    receive_time timestamptz NOT NULL,
    CONSTRAINT inbox_pkey PRIMARY KEY (tenant_id, follower, event_id)
);
CREATE INDEX inbox_receive_time_idx ON inbox (receive_time);
ALTER TABLE inbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON inbox
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Events whose effect failed, and later events of the same record behind them. `seq` is their order. State: 1 tried again by itself, 2 waits for one
-- before it, 3 waits for somebody to replay or drop it.
CREATE TABLE parked_event (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    seq         bigint      GENERATED ALWAYS AS IDENTITY,
    follower    text        NOT NULL,
    source      text        NOT NULL,
    event_id    uuid        NOT NULL,
    event_time  timestamptz NOT NULL,
    collection  text        NOT NULL,
    record_id   uuid        NOT NULL,
    event       bytea       NOT NULL,
    state       smallint    NOT NULL,
    attempts    integer     NOT NULL,
    last_error  text        NOT NULL,
    park_time   timestamptz NOT NULL,
    CONSTRAINT parked_event_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT parked_event_state_check CHECK (state IN (1, 2, 3))
);
CREATE INDEX parked_event_record_idx ON parked_event (tenant_id, follower, record_id, collection, seq);
ALTER TABLE parked_event ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON parked_event
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);

-- Which service made a change, when the change came from another service of the installation; `actor_id` is then the user it worked for, or its own id.
ALTER TABLE audit_log ADD COLUMN service text NOT NULL DEFAULT '';

CREATE FUNCTION kit_housekeeping_inbox(taken_before timestamptz, batch bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS
$$
DECLARE
    dropped bigint;
BEGIN
    WITH old AS (
        SELECT i.tenant_id, i.follower, i.event_id FROM inbox i WHERE i.receive_time < taken_before ORDER BY i.receive_time LIMIT batch
    )
    DELETE FROM inbox i USING old
    WHERE i.tenant_id = old.tenant_id AND i.follower = old.follower AND i.event_id = old.event_id;
    GET DIAGNOSTICS dropped = ROW_COUNT;
    RETURN dropped;
END
$$;
REVOKE ALL ON FUNCTION kit_housekeeping_inbox(timestamptz, bigint) FROM PUBLIC;
