-- The undo bundle: what was there before a call changed or deleted something at Asana, kept sealed for as many days as a group says (lib/undo).
ALTER TABLE groups ADD COLUMN undo_days INTEGER;
ALTER TABLE groups ADD CONSTRAINT groups_undo_days_check CHECK (undo_days BETWEEN 1 AND 90);

CREATE TABLE undo_bundles (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    member_id UUID NOT NULL,
    connection_id UUID NOT NULL,
    tool_name TEXT NOT NULL,
    things INTEGER NOT NULL,
    sealed TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'kept',
    begun_at TIMESTAMPTZ(3),
    begun_by TEXT,
    token_id UUID,
    kept_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    expires_at TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT undo_bundles_pkey PRIMARY KEY (id)
);

-- With the connection, or the person, goes what was read through it.
ALTER TABLE undo_bundles ADD CONSTRAINT undo_bundles_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE undo_bundles ADD CONSTRAINT undo_bundles_organization_id_member_id_fkey FOREIGN KEY (organization_id, member_id) REFERENCES members(organization_id, id) ON DELETE CASCADE;
ALTER TABLE undo_bundles ADD CONSTRAINT undo_bundles_organization_id_connection_id_fkey FOREIGN KEY (organization_id, connection_id) REFERENCES connections(organization_id, id) ON DELETE CASCADE;
ALTER TABLE undo_bundles ADD CONSTRAINT undo_bundles_state_check CHECK (state IN ('kept', 'restoring', 'restored'));
ALTER TABLE undo_bundles ADD CONSTRAINT undo_bundles_begun_check CHECK ((state = 'kept') = (begun_at IS NULL));

CREATE INDEX undo_bundles_organization_id_kept_at_idx ON undo_bundles(organization_id, kept_at DESC);
CREATE INDEX undo_bundles_member_id_idx ON undo_bundles(member_id);
CREATE INDEX undo_bundles_connection_id_idx ON undo_bundles(connection_id);

-- For how many days the groups that grant a tool keep what was there before its call: the longest of them; null: none keeps it. A function,
-- so that PostgreSQL sets it up only for callers with such a group.
CREATE FUNCTION undo_days(granting UUID[], tool TEXT)
RETURNS INTEGER LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF tool NOT IN ('update_tasks', 'update_project', 'delete_task') THEN
    RETURN NULL;
  END IF;
  RETURN (
    SELECT max(g.undo_days) FROM group_tools gt JOIN groups g ON g.id = gt.group_id
    WHERE gt.group_id = ANY(granting) AND gt.tool_name = tool
  );
END $$;
