-- The organization's stop switch; refreshes that back off in all processes together; and word to every process when access ends.
ALTER TABLE organizations ADD COLUMN stopped_at TIMESTAMPTZ(3);
ALTER TABLE organizations ADD COLUMN stopped_by TEXT;
ALTER TABLE organizations ADD COLUMN stopped_reason TEXT;
ALTER TABLE organizations ADD CONSTRAINT organizations_stopped_check
  CHECK ((stopped_at IS NULL) = (stopped_by IS NULL) AND (stopped_at IS NULL) = (stopped_reason IS NULL));

ALTER TABLE connections ADD COLUMN refresh_failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN refresh_after TIMESTAMPTZ(3);
ALTER TABLE connections ADD COLUMN authorized_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP;
-- What is to be renewed next, for the sweep of every process.
CREATE INDEX connections_access_expires_at_idx ON connections(access_expires_at) WHERE status = 'active';

-- Tells every process that something of this organization ended, in the transaction that ends it. By trigger, so that no way of
-- ending access (a cascade, another release's code, an operator's SQL) can forget to. Who hears it looks the facts up itself: the
-- message is a hint and may be lost.
CREATE FUNCTION tell_ended() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
  changed JSONB;
BEGIN
  IF TG_OP = 'DELETE' THEN changed := to_jsonb(OLD); ELSE changed := to_jsonb(NEW); END IF;
  PERFORM pg_notify('gatehouse_ended', coalesce(changed->>'organization_id', changed->>'id'));
  RETURN NULL;
END $$;

CREATE TRIGGER agent_tokens_tell_ended AFTER DELETE ON agent_tokens FOR EACH ROW EXECUTE FUNCTION tell_ended();
CREATE TRIGGER members_tell_ended AFTER DELETE ON members FOR EACH ROW EXECUTE FUNCTION tell_ended();
CREATE TRIGGER connections_tell_ended AFTER DELETE ON connections FOR EACH ROW EXECUTE FUNCTION tell_ended();
CREATE TRIGGER client_blocks_tell_ended AFTER INSERT ON client_blocks FOR EACH ROW EXECUTE FUNCTION tell_ended();
CREATE TRIGGER grants_tell_ended AFTER UPDATE OF ended_at ON grants
  FOR EACH ROW WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION tell_ended();
CREATE TRIGGER organizations_tell_ended AFTER UPDATE OF stopped_at ON organizations
  FOR EACH ROW WHEN (NEW.stopped_at IS NOT NULL) EXECUTE FUNCTION tell_ended();
