-- Pipelines of all tenants whose sums have more rows than they need: more than so many, and than four for each group. Only which ones they are, so
-- that whoever folds them knows which tenants to work for; the work itself is done under row-level security.
CREATE FUNCTION stage_sum_heavy(spare bigint, most bigint) RETURNS TABLE (tenant_id uuid, pipeline_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$
    SELECT g.tenant_id, g.pipeline_id
    FROM (
        SELECT s.tenant_id, s.pipeline_id, count(*) AS stored
        FROM stage_sum s
        GROUP BY s.tenant_id, s.pipeline_id, s.owner_id, s.stage_key, s.state, s.amount_currency
    ) AS g
    GROUP BY g.tenant_id, g.pipeline_id
    HAVING sum(g.stored) > spare + 4 * count(*)
    ORDER BY sum(g.stored) DESC
    LIMIT most
$$;
REVOKE ALL ON FUNCTION stage_sum_heavy(bigint, bigint) FROM PUBLIC;
