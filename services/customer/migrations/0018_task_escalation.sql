-- Superiors are told of undone tasks by a walk over what is due, not by a job a tenant that each write of a task would have to touch. Which tenants have
-- something due: through `task_escalation_idx`, one probe a tenant that has anything to come, however many tasks it has. Only which ones they are, so that
-- whoever walks knows for whom to work; the work itself is done under row-level security. The function runs as the owner of the tables, whom that does
-- not bind.
CREATE FUNCTION task_escalation_due(due timestamptz, after_tenant uuid, most bigint) RETURNS TABLE (tenant_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$
    WITH RECURSIVE next AS (
        (SELECT t.tenant_id, t.escalation_due_time FROM task t
         WHERE t.tenant_id > after_tenant AND t.escalation_due_time IS NOT NULL AND t.delete_time IS NULL
         ORDER BY t.tenant_id, t.escalation_due_time LIMIT 1)
        UNION ALL
        SELECT f.tenant_id, f.escalation_due_time FROM next n CROSS JOIN LATERAL (
            SELECT t.tenant_id, t.escalation_due_time FROM task t
            WHERE t.tenant_id > n.tenant_id AND t.escalation_due_time IS NOT NULL AND t.delete_time IS NULL
            ORDER BY t.tenant_id, t.escalation_due_time LIMIT 1
        ) AS f
    )
    SELECT n.tenant_id FROM next n WHERE n.escalation_due_time <= due LIMIT most
$$;
REVOKE ALL ON FUNCTION task_escalation_due(timestamptz, uuid, bigint) FROM PUBLIC;

DELETE FROM job WHERE kind = 'task_escalation';
