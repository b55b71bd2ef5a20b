CREATE TABLE a (
    tenant_id uuid NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), name text NOT NULL, key text NOT NULL,
    tags text[] NOT NULL, custom jsonb NOT NULL, words tsvector NOT NULL, PRIMARY KEY (tenant_id, id)
);
INSERT INTO a (tenant_id, name, key, tags, custom, words)
SELECT CASE WHEN g % 10 = 0 THEN '00000000-0000-0000-0000-000000000002' ELSE '00000000-0000-0000-0000-000000000001' END::uuid,
    left(md5(g::text), 12) || '上海电力' || g || '公司', md5(g::text), ARRAY['t' || g % 5000],
    jsonb_build_object('k', g % 5000), to_tsvector('simple', '词' || g % 5000 || ' 上海')
FROM generate_series(1, 100000) g;
CREATE INDEX a_name ON a USING gin (name gin_trgm_ops);
CREATE INDEX a_key ON a (tenant_id, key);
CREATE INDEX a_tags ON a USING gin (tags);
CREATE INDEX a_custom ON a USING gin (custom jsonb_path_ops);
CREATE INDEX a_words ON a USING gin (words);
ALTER TABLE a ENABLE ROW LEVEL SECURITY;
ALTER TABLE a FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON a USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT ON a TO c_service;
ANALYZE a;
