-- Which leads became an account, for its time line.
CREATE INDEX lead_converted_account_idx ON lead (tenant_id, converted_account_id) WHERE converted_account_id IS NOT NULL;
