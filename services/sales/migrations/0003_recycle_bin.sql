-- The order in which the recycle bin is emptied, over all tenants.
CREATE INDEX opportunity_bin_idx ON opportunity (delete_time, tenant_id, id) WHERE delete_time IS NOT NULL;
