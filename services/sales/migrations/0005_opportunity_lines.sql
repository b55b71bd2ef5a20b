-- What deals are about: lines, where their prices come from, and their totals, as one value (services/sales/src/document).
ALTER TABLE opportunity ADD COLUMN sheet jsonb NOT NULL DEFAULT '{}';
