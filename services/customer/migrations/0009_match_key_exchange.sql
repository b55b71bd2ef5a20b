-- Writes the keys of records and takes those by which a rule blocks, within the statement that writes the records: one round trip for both.
-- `keys` is a JSON array of {kind, key, record_id}; `built_in` are the kinds that block for a tenant without rules of its own. Returns each key that
-- must not be, with the record that has it, or without one when that is only seen once the other write has ended. Records that are new have no
-- keys to let go of.
CREATE FUNCTION exchange_match_keys(
    tenant uuid, of_collection text, records uuid[], keys jsonb, built_in text[], are_new boolean
) RETURNS TABLE (kind text, key text, record_id uuid, other_id uuid)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    IF NOT are_new THEN
        DELETE FROM match_key AS m
        WHERE m.tenant_id = tenant AND m.record_id = ANY (records) AND NOT EXISTS (
            SELECT FROM jsonb_to_recordset(keys) AS g (kind text, key text, record_id uuid)
            WHERE g.record_id = m.record_id AND g.kind = m.kind AND g.key = m.key);
        DELETE FROM duplicate_hold AS h
        WHERE h.tenant_id = tenant AND h.record_id = ANY (records) AND NOT EXISTS (
            SELECT FROM jsonb_to_recordset(keys) AS g (kind text, key text, record_id uuid)
            WHERE g.record_id = h.record_id AND g.kind = h.kind AND g.key = h.key);
    END IF;
    RETURN QUERY
    WITH fresh AS (
        INSERT INTO match_key (tenant_id, collection, kind, key, record_id)
        SELECT tenant, of_collection, g.kind, g.key, g.record_id
        FROM jsonb_to_recordset(keys) AS g (kind text, key text, record_id uuid)
        ON CONFLICT ON CONSTRAINT match_key_pkey DO NOTHING
        RETURNING kind, key, record_id
    ), blocking AS (
        -- 3 is BLOCK.
        SELECT r.keys[1] AS kind, r.ignored_keys FROM duplicate_rule r
        WHERE r.tenant_id = tenant AND r.collection = of_collection AND r.outcome = 3 AND NOT r.disabled
        UNION ALL
        SELECT b.kind, '{}'::text[] FROM unnest(built_in) AS b (kind)
        WHERE NOT EXISTS (SELECT FROM duplicate_rule r WHERE r.tenant_id = tenant AND r.collection = of_collection)
    ), wanted AS (
        SELECT f.kind, f.key, f.record_id FROM fresh f
        WHERE EXISTS (SELECT FROM blocking b WHERE b.kind = f.kind AND f.key <> ALL (b.ignored_keys))
          AND 'customer.duplicates.override' <> ALL (string_to_array(COALESCE(current_setting('app.overrides', true), ''), ','))
    ), held AS (
        INSERT INTO duplicate_hold (tenant_id, collection, kind, key, record_id)
        SELECT tenant, of_collection, w.kind, w.key, w.record_id FROM wanted w ORDER BY w.kind, w.key
        ON CONFLICT ON CONSTRAINT duplicate_hold_pkey DO NOTHING
        RETURNING kind, key, record_id
    )
    SELECT w.kind, w.key, w.record_id, other.record_id
    FROM wanted w
    LEFT JOIN LATERAL (
        SELECT m.record_id FROM match_key m
        WHERE m.tenant_id = tenant AND m.collection = of_collection AND m.kind = w.kind AND m.key = w.key
          AND m.record_id <> ALL (records)
        LIMIT 1
    ) AS other ON TRUE
    WHERE other.record_id IS NOT NULL
       OR NOT EXISTS (SELECT FROM held h WHERE h.kind = w.kind AND h.key = w.key AND h.record_id = w.record_id);
END
$$;
