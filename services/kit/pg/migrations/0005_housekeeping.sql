-- What the kit keeps for a time only goes away here, across tenants: the function runs as the owner of the tables, whom row-level security does not
-- bind, and does nothing else. Each call drops at most `batch` rows of each kind and returns how many went.
CREATE FUNCTION kit_housekeeping(events_before timestamptz, answers_before timestamptz, batch bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS
$$
DECLARE
    events  bigint;
    answers bigint;
BEGIN
    WITH old AS (
        SELECT o.tenant_id, o.tx, o.seq FROM outbox o WHERE o.event_time < events_before ORDER BY o.event_time LIMIT batch
    ), dropped AS (
        DELETE FROM outbox o USING old WHERE o.tenant_id = old.tenant_id AND o.tx = old.tx AND o.seq = old.seq
        RETURNING o.tenant_id, o.tx, o.seq
    ), cut AS (
        INSERT INTO outbox_trim AS t (tenant_id, tx, seq)
        SELECT DISTINCT ON (tenant_id) tenant_id, tx, seq FROM dropped ORDER BY tenant_id, tx DESC, seq DESC
        ON CONFLICT ON CONSTRAINT outbox_trim_pkey DO UPDATE
            SET tx = excluded.tx, seq = excluded.seq WHERE (t.tx, t.seq) < (excluded.tx, excluded.seq)
    )
    SELECT count(*) INTO events FROM dropped;

    WITH old AS (
        SELECT k.tenant_id, k.caller_id, k.key FROM idempotency_key k
        WHERE k.create_time < answers_before ORDER BY k.create_time LIMIT batch
    )
    DELETE FROM idempotency_key k USING old
    WHERE k.tenant_id = old.tenant_id AND k.caller_id = old.caller_id AND k.key = old.key;
    GET DIAGNOSTICS answers = ROW_COUNT;
    RETURN events + answers;
END
$$;
REVOKE ALL ON FUNCTION kit_housekeeping(timestamptz, timestamptz, bigint) FROM PUBLIC;
