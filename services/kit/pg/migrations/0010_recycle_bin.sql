-- The rows of a table that were deleted before an instant, of all tenants and the longest deleted first, after a place in that order. Only where they
-- stand, so that whoever empties recycle bins knows which tenants to work for; the work itself is done under row-level security. The function runs as the
-- owner of the tables, whom that does not bind. The table has the columns `tenant_id`, `id` and `delete_time`, and an index over the deleted rows in the
-- order (delete_time, tenant_id, id).
CREATE FUNCTION kit_deleted_before(
    bin text, deleted_before timestamptz, after_time timestamptz, after_tenant uuid, after_id uuid, most bigint
) RETURNS TABLE (tenant_id uuid, id uuid, delete_time timestamptz)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT r.tenant_id, r.id, r.delete_time FROM %I AS r
         WHERE r.delete_time < $1 AND (r.delete_time, r.tenant_id, r.id) > ($2, $3, $4)
         ORDER BY r.delete_time, r.tenant_id, r.id LIMIT $5', bin)
    USING deleted_before, after_time, after_tenant, after_id, most;
END
$$;
REVOKE ALL ON FUNCTION kit_deleted_before(text, timestamptz, timestamptz, uuid, uuid, bigint) FROM PUBLIC;
