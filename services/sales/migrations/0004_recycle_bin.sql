-- The order in which the recycle bin is emptied, over all tenants.
CREATE INDEX opportunity_bin_idx ON opportunity (delete_time, tenant_id, id) WHERE delete_time IS NOT NULL;
CREATE INDEX product_bin_idx ON product (delete_time, tenant_id, id) WHERE delete_time IS NOT NULL;
CREATE INDEX price_entry_bin_idx ON price_entry (delete_time, tenant_id, id) WHERE delete_time IS NOT NULL;
