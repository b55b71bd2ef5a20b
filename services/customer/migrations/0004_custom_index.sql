-- Equality, `in` and membership over the tenants' own fields, whatever their keys: filters ask `custom @> '{"key": value}'`.
CREATE INDEX account_custom_idx ON account USING gin (custom jsonb_path_ops);
CREATE INDEX contact_custom_idx ON contact USING gin (custom jsonb_path_ops);
