-- Rules on arguments: what a group carries beside its tools (lib/policy/argument-rules).
ALTER TABLE groups ADD COLUMN rules JSONB;
ALTER TABLE groups ADD CONSTRAINT groups_rules_check CHECK (jsonb_typeof(rules) = 'object');

-- The rules under which a tool is granted: null where one of the groups that grant it has none, because then nothing is restricted. With
-- them what else they are judged by, and a fingerprint of all that: a verdict is good only as long as it stays the same. A function, so
-- that calls without rules do not pay for the preparation of its query; STABLE, so that it sees what the statement around it sees.
CREATE FUNCTION argument_rules(granting UUID[], organization UUID, tool TEXT, through TEXT)
RETURNS JSON LANGUAGE plpgsql STABLE AS $$
DECLARE
  ruled JSONB;
  is_free BOOLEAN;
  schema JSON;
BEGIN
  SELECT bool_or(g.rules IS NULL), jsonb_agg(jsonb_build_object('slug', g.slug, 'name', g.name, 'rules', g.rules) ORDER BY g.slug)
  INTO is_free, ruled
  FROM group_tools gt JOIN groups g ON g.id = gt.group_id
  WHERE gt.group_id = ANY(granting) AND gt.tool_name = tool;
  IF is_free OR ruled IS NULL THEN
    RETURN NULL;
  END IF;
  SELECT t.definition -> 'inputSchema' INTO schema FROM tools t WHERE t.organization_id = organization AND t.name = tool;
  RETURN json_build_object(
    'version', md5(ruled::text || coalesce(schema::text, '') || coalesce(through, '')),
    'groups', ruled,
    'inputSchema', schema);
END $$;
