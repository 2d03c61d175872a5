-- Word to every process that what somebody may use has changed, in the transaction that changes it: streams on which agents wait for such
-- news are told within a second. By trigger, as where access ends (0006_stop): no way of editing can forget to. Who hears it looks the
-- facts up itself; the message is a hint and may be lost.
CREATE FUNCTION tell_edited() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
  changed JSONB;
BEGIN
  IF TG_OP = 'DELETE' THEN changed := to_jsonb(OLD); ELSE changed := to_jsonb(NEW); END IF;
  PERFORM pg_notify('gatehouse_edited', coalesce(changed->>'organization_id', changed->>'id'));
  RETURN NULL;
END $$;

CREATE TRIGGER groups_tell_edited AFTER UPDATE OF methods ON groups
  FOR EACH ROW WHEN (NEW.methods IS DISTINCT FROM OLD.methods) EXECUTE FUNCTION tell_edited();
CREATE TRIGGER group_members_tell_edited AFTER INSERT OR DELETE ON group_members FOR EACH ROW EXECUTE FUNCTION tell_edited();
CREATE TRIGGER group_tools_tell_edited AFTER INSERT OR DELETE ON group_tools FOR EACH ROW EXECUTE FUNCTION tell_edited();
CREATE TRIGGER tools_tell_edited AFTER UPDATE OF status, blocked ON tools
  FOR EACH ROW WHEN (NEW.status <> OLD.status OR NEW.blocked <> OLD.blocked) EXECUTE FUNCTION tell_edited();
CREATE TRIGGER organizations_tell_edited AFTER UPDATE OF drift_policy ON organizations
  FOR EACH ROW WHEN (NEW.drift_policy <> OLD.drift_policy) EXECUTE FUNCTION tell_edited();
