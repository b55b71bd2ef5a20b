-- The order in which the recycle bins are emptied, over all tenants.
CREATE INDEX account_bin_idx ON account (delete_time, tenant_id, id) WHERE delete_time IS NOT NULL;
CREATE INDEX contact_bin_idx ON contact (delete_time, tenant_id, id) WHERE delete_time IS NOT NULL;
CREATE INDEX lead_bin_idx ON lead (delete_time, tenant_id, id) WHERE delete_time IS NOT NULL;
-- Which leads repeat one that goes.
CREATE INDEX lead_duplicate_of_idx ON lead (tenant_id, duplicate_of_id) WHERE duplicate_of_id IS NOT NULL;
