-- One record may have jobs of several kinds, so the kind belongs to the key. And a job knows its claims: `claim` is raised by each and never goes back,
-- so that a worker whose lease ran out settles nothing of the one that claimed the job after it. `attempts` cannot tell, because asking anew resets it.
ALTER TABLE job
    ADD COLUMN claim bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT job_pkey,
    ADD CONSTRAINT job_pkey PRIMARY KEY (tenant_id, id, kind);
