-- Deferred as that of contacts is, so that a parent out of the caller's scope and one that is none are told by the same check, with the item of the
-- batch. Changes the catalog alone.
ALTER TABLE account ALTER CONSTRAINT account_parent_fkey DEFERRABLE INITIALLY DEFERRED;
