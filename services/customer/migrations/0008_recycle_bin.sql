-- The order in which the recycle bins are emptied, over all tenants.
CREATE INDEX account_bin_idx ON account (delete_time, tenant_id, id) WHERE delete_time IS NOT NULL;
CREATE INDEX contact_bin_idx ON contact (delete_time, tenant_id, id) WHERE delete_time IS NOT NULL;
CREATE INDEX lead_bin_idx ON lead (delete_time, tenant_id, id) WHERE delete_time IS NOT NULL;
