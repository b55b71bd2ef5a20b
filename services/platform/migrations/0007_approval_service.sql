-- What services submit is kept apart from what users submit themselves, and a revision runs or is approved once.
ALTER TABLE approval_request ADD COLUMN service text COLLATE "C" NOT NULL DEFAULT '';
DROP INDEX approval_request_running_key;
CREATE UNIQUE INDEX approval_request_running_key ON approval_request (tenant_id, service, object_type, object_id)
    WHERE state IN (1, 2);
-- Of approvals without a flow that were stored twice, the first stands.
UPDATE approval_request r SET state = 7, revision = r.revision + 1
WHERE r.state = 3 AND EXISTS (
    SELECT 1 FROM approval_request o
    WHERE o.tenant_id = r.tenant_id AND o.object_type = r.object_type AND o.object_id = r.object_id
      AND o.object_revision = r.object_revision AND o.state = 3 AND o.id < r.id
);
CREATE UNIQUE INDEX approval_request_revision_key
    ON approval_request (tenant_id, service, object_type, object_id, object_revision) WHERE state IN (1, 2, 3);
