-- Records that stay because their change was refused: how many, and the first of them with the reasons,
-- [{collection, record_id, reason, message}].
ALTER TABLE hand_over
    ADD COLUMN refused_records bigint NOT NULL DEFAULT 0,
    ADD COLUMN refusals        jsonb  NOT NULL DEFAULT '[]';
