-- Approvals: tools of a group whose calls wait until a person says yes to exactly that call (lib/approvals).
ALTER TABLE groups ADD COLUMN approvals JSONB;
ALTER TABLE groups ADD CONSTRAINT groups_approvals_check
  CHECK (jsonb_typeof(approvals) = 'object' AND jsonb_typeof(approvals->'tools') = 'array' AND jsonb_typeof(approvals->'approver') = 'object');

CREATE TABLE approvals (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    member_id UUID NOT NULL,
    credential_id UUID NOT NULL,
    credential_name TEXT NOT NULL,
    connection_id UUID NOT NULL,
    tool_name TEXT NOT NULL,
    arguments_hash TEXT NOT NULL,
    judged_as TEXT NOT NULL,
    sealed TEXT,
    approver_groups UUID[],
    approver_members UUID[],
    state TEXT NOT NULL DEFAULT 'open',
    answer TEXT,
    decided_by_id UUID,
    decided_by TEXT,
    decided_at TIMESTAMPTZ(3),
    used_at TIMESTAMPTZ(3),
    used_by UUID,
    asked_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    expires_at TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT approvals_pkey PRIMARY KEY (id)
);

ALTER TABLE approvals ADD CONSTRAINT approvals_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE approvals ADD CONSTRAINT approvals_organization_id_member_id_fkey FOREIGN KEY (organization_id, member_id) REFERENCES members(organization_id, id) ON DELETE CASCADE;
ALTER TABLE approvals ADD CONSTRAINT approvals_organization_id_tool_name_fkey FOREIGN KEY (organization_id, tool_name) REFERENCES tools(organization_id, name) ON DELETE RESTRICT;
ALTER TABLE approvals ADD CONSTRAINT approvals_state_check CHECK (state IN ('open', 'approved', 'declined', 'used', 'ended'));
ALTER TABLE approvals ADD CONSTRAINT approvals_used_check CHECK ((state = 'used') = (used_at IS NOT NULL) AND (used_at IS NULL) = (used_by IS NULL));
-- Nobody says yes to what his own agent asked for, whatever the code around it does.
ALTER TABLE approvals ADD CONSTRAINT approvals_other_person_check CHECK (decided_by_id <> member_id);

CREATE INDEX approvals_organization_id_asked_at_idx ON approvals(organization_id, asked_at DESC);
CREATE INDEX approvals_credential_id_arguments_hash_idx ON approvals(credential_id, arguments_hash);
-- Repeats of a call that waits find it waiting, also fifty at once.
CREATE UNIQUE INDEX approvals_open_key ON approvals(credential_id, connection_id, tool_name, arguments_hash, judged_as) WHERE state IN ('open', 'approved');

-- The rules of 0011 with approvals among them. A group is free where it has neither for this tool. Where one of the groups lets the tool
-- wait for somebody, the fingerprint also holds every group of the caller as it is now and the tool's definition: what was approved under
-- another policy or definition is not what is asked for now.
CREATE OR REPLACE FUNCTION argument_rules(granting UUID[], organization UUID, tool TEXT, through TEXT)
RETURNS JSON LANGUAGE plpgsql STABLE AS $$
DECLARE
  ruled JSONB;
  is_free BOOLEAN;
  waits BOOLEAN;
  schema JSON;
  definition TEXT;
  policy TEXT;
BEGIN
  SELECT bool_or(g.rules IS NULL AND NOT needs.approval), bool_or(needs.approval),
    jsonb_agg(jsonb_build_object('slug', g.slug, 'name', g.name, 'rules', g.rules,
      'approver', CASE WHEN needs.approval THEN g.approvals->'approver' END) ORDER BY g.slug)
  INTO is_free, waits, ruled
  FROM group_tools gt JOIN groups g ON g.id = gt.group_id
  CROSS JOIN LATERAL (SELECT coalesce(g.approvals->'tools' ? tool, false) AS approval) needs
  WHERE gt.group_id = ANY(granting) AND gt.tool_name = tool;
  IF is_free OR ruled IS NULL THEN
    RETURN NULL;
  END IF;
  SELECT t.definition -> 'inputSchema', concat_ws(' ', t.status, t.definition_hash, t.seen_hash) INTO schema, definition
  FROM tools t WHERE t.organization_id = organization AND t.name = tool;
  IF waits THEN
    SELECT string_agg(g.slug || '@' || g.version, ',' ORDER BY g.slug) INTO policy FROM groups g WHERE g.id = ANY(granting);
  END IF;
  RETURN json_build_object(
    'version', md5(ruled::text || coalesce(schema::text, '') || coalesce(through, '') || coalesce(policy || definition, '')),
    'groups', ruled,
    'inputSchema', schema);
END $$;

-- What ends for everybody ends for the calls that wait: a tool that is blocked or is another one now, an organization that is stopped. By
-- trigger, so that no way of ending it can forget to; whoever lets it go on later does not bring them back.
CREATE FUNCTION end_approvals() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF TG_TABLE_NAME = 'tools' THEN
    UPDATE approvals SET state = 'ended', sealed = NULL
    WHERE organization_id = NEW.organization_id AND tool_name = NEW.name AND state IN ('open', 'approved');
  ELSE
    UPDATE approvals SET state = 'ended', sealed = NULL WHERE organization_id = NEW.id AND state IN ('open', 'approved');
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER tools_end_approvals AFTER UPDATE OF status, blocked, definition_hash, seen_hash ON tools
  FOR EACH ROW WHEN (NEW.status <> OLD.status OR NEW.blocked <> OLD.blocked OR NEW.definition_hash IS DISTINCT FROM OLD.definition_hash
    OR NEW.seen_hash IS DISTINCT FROM OLD.seen_hash) EXECUTE FUNCTION end_approvals();
CREATE TRIGGER organizations_end_approvals AFTER UPDATE OF stopped_at ON organizations
  FOR EACH ROW WHEN (NEW.stopped_at IS NOT NULL AND OLD.stopped_at IS NULL) EXECUTE FUNCTION end_approvals();
