-- Conversions that make an opportunity in another service go on in steps. States: 2 account and contact are there, 3 the opportunity too, 4 the lead is
-- converted, 5 taken back. Those of before were done in one step.
ALTER TABLE conversion
    ADD COLUMN update_time   timestamptz,
    ADD COLUMN state         smallint NOT NULL DEFAULT 4,
    -- Who answers for the lead once it is converted.
    ADD COLUMN owner_id      uuid,
    -- The tenant's settings and whether a service asked, for the calls of later steps.
    ADD COLUMN context       jsonb    NOT NULL DEFAULT '{}',
    -- What became of account and contact: created or filled, and the revision they had then.
    ADD COLUMN traces        jsonb    NOT NULL DEFAULT '{}',
    -- The encoded request to the other service; dropped at the end.
    ADD COLUMN request       bytea,
    -- How often the other service was asked; when it was last asked and gave no certain answer; and until when an earlier question may still take effect.
    ADD COLUMN attempts      integer  NOT NULL DEFAULT 0,
    ADD COLUMN attempt_time  timestamptz,
    ADD COLUMN doubt_until   timestamptz,
    ADD COLUMN problem       jsonb,
    ADD COLUMN kept          text[]   NOT NULL DEFAULT '{}',
    ADD CONSTRAINT conversion_state_check CHECK (state IN (2, 3, 4, 5)),
    DROP CONSTRAINT conversion_pkey,
    ADD CONSTRAINT conversion_pkey PRIMARY KEY (tenant_id, id);
-- A lead has one conversion that was not taken back.
CREATE UNIQUE INDEX conversion_lead_key ON conversion (tenant_id, lead_id) WHERE state <> 5;

ALTER TABLE lead ADD COLUMN conversion_id uuid;
UPDATE lead SET conversion_id = c.id FROM conversion c WHERE c.tenant_id = lead.tenant_id AND c.lead_id = lead.id;
