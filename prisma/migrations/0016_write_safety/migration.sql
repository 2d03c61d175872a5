-- Write safety: budgets on writes a day, and repeats of a write that are answered from the first (lib/write-safety). Off where a group says nothing.
ALTER TABLE groups ADD COLUMN writes_per_day INTEGER;
ALTER TABLE groups ADD COLUMN deletes_per_day INTEGER;
ALTER TABLE groups ADD COLUMN repeat_window_seconds INTEGER;
ALTER TABLE groups ADD CONSTRAINT groups_write_safety_check
  CHECK (writes_per_day > 0 AND deletes_per_day > 0 AND repeat_window_seconds BETWEEN 10 AND 86400);

-- What one agent wrote for its person on one day of the database's clock (UTC), and whether that tripped it to read-only.
CREATE TABLE write_budgets (
    agent_id UUID NOT NULL,
    day DATE NOT NULL,
    organization_id UUID NOT NULL,
    member_id UUID NOT NULL,
    credential_id UUID NOT NULL,
    credential_name TEXT NOT NULL,
    writes INTEGER NOT NULL DEFAULT 0,
    deletes INTEGER NOT NULL DEFAULT 0,
    trip_id UUID,
    tripped_as TEXT,
    tripped_at TIMESTAMPTZ(3),
    budget INTEGER,

    CONSTRAINT write_budgets_pkey PRIMARY KEY (agent_id,day)
) WITH (fillfactor = 40);

ALTER TABLE write_budgets ADD CONSTRAINT write_budgets_tripped_as_check CHECK (tripped_as IN ('write_budget', 'delete_budget'));
ALTER TABLE write_budgets ADD CONSTRAINT write_budgets_trip_check
  CHECK ((trip_id IS NULL) = (tripped_as IS NULL) AND (trip_id IS NULL) = (tripped_at IS NULL) AND (trip_id IS NULL) = (budget IS NULL));

CREATE UNIQUE INDEX write_budgets_trip_id_key ON write_budgets(trip_id);
CREATE INDEX write_budgets_organization_id_day_idx ON write_budgets(organization_id, day);
CREATE INDEX write_budgets_member_id_idx ON write_budgets(member_id);

-- A write that went out, for as long as its repeats are not sent: the last with these arguments by this agent.
CREATE TABLE write_claims (
    call_id UUID NOT NULL,
    organization_id UUID NOT NULL,
    member_id UUID NOT NULL,
    credential_id UUID NOT NULL,
    connection_id UUID NOT NULL,
    tool_name TEXT NOT NULL,
    arguments_hash TEXT NOT NULL,
    window_seconds INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'open',
    sealed TEXT,
    claimed_at TIMESTAMPTZ(3) NOT NULL,
    ended_at TIMESTAMPTZ(3),
    expires_at TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT write_claims_pkey PRIMARY KEY (call_id)
);

ALTER TABLE write_claims ADD CONSTRAINT write_claims_state_check CHECK (state IN ('open', 'done', 'unknown'));
ALTER TABLE write_claims ADD CONSTRAINT write_claims_ended_check CHECK ((state = 'open') = (ended_at IS NULL) AND (sealed IS NULL OR state = 'done'));

CREATE UNIQUE INDEX write_claims_credential_id_connection_id_tool_name_argument_key ON write_claims(credential_id, connection_id, tool_name, arguments_hash);
CREATE INDEX write_claims_organization_id_expires_at_idx ON write_claims(organization_id, expires_at);
CREATE INDEX write_claims_member_id_idx ON write_claims(member_id);

-- Neither table has foreign keys: admission would wait for whoever removes a person, and a batch of calls would fail with that person's. What
-- was kept goes with the person all the same; what one last call leaves behind dies with its window.
CREATE FUNCTION forget_writes_of_member() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM write_claims WHERE organization_id = OLD.organization_id AND member_id = OLD.id;
  DELETE FROM write_budgets WHERE organization_id = OLD.organization_id AND member_id = OLD.id;
  RETURN NULL;
END $$;

CREATE TRIGGER members_forget_writes AFTER DELETE ON members FOR EACH ROW EXECUTE FUNCTION forget_writes_of_member();

-- Says of the writes of one batch which go, which are repeats of one that went, and which a budget refuses; counts those that go.
--
-- `asking` is a list of objects, one for each call (admission-sql). Where `goes` is false the call is refused anyway unless it is a repeat or
-- its agent is read-only already: it takes nothing. All rows of budgets are locked before all claims, each in the order of its key, so that
-- two batches never wait for each other in a circle, and stay locked until the statement commits: of all processes together exactly as many
-- calls go as the budget says, and of equal ones exactly one. A call that waits over midnight counts on the day on which it came.
CREATE FUNCTION guard_writes(asking JSON)
RETURNS TABLE (n INTEGER, reason TEXT, budget INTEGER, repeat_of UUID, claims BOOLEAN) LANGUAGE plpgsql ROWS 10 AS $$
DECLARE
  came_at TIMESTAMPTZ := clock_timestamp();
  today DATE := (came_at AT TIME ZONE 'UTC')::date;
  entry RECORD;
  spent write_budgets%ROWTYPE;
BEGIN
  IF asking IS NULL THEN
    RETURN;
  END IF;
  INSERT INTO write_budgets AS w (agent_id, day, organization_id, member_id, credential_id, credential_name)
  SELECT DISTINCT ON (e.agent_id) e.agent_id, today, e.organization_id, e.member_id, e.credential_id, e.credential_name
  FROM json_to_recordset(asking) AS e(agent_id UUID, organization_id UUID, member_id UUID, credential_id UUID, credential_name TEXT,
    writes_per_day INTEGER, deletes_per_day INTEGER)
  WHERE e.writes_per_day IS NOT NULL OR e.deletes_per_day IS NOT NULL
  ORDER BY e.agent_id
  ON CONFLICT ON CONSTRAINT write_budgets_pkey DO UPDATE SET credential_name = excluded.credential_name;

  FOR entry IN
    SELECT * FROM json_to_recordset(asking) AS e(n INTEGER, call_id UUID, event_id UUID, organization_id UUID, member_id UUID,
      member_email TEXT, agent_id UUID, credential_kind TEXT, credential_id UUID, credential_name TEXT, connection_id UUID, tool TEXT,
      arguments_hash TEXT, deletes BOOLEAN, goes BOOLEAN, writes_per_day INTEGER, deletes_per_day INTEGER, repeat_window INTEGER)
    ORDER BY e.credential_id, e.connection_id, e.tool, e.arguments_hash, e.n
  LOOP
    n := entry.n;
    reason := NULL;
    budget := NULL;
    repeat_of := NULL;
    claims := false;
    IF entry.repeat_window IS NOT NULL THEN
      IF entry.goes THEN
        -- While it is under way, ten minutes (the longest answer) are added to its window; without an outcome they stay.
        INSERT INTO write_claims AS k (call_id, organization_id, member_id, credential_id, connection_id, tool_name, arguments_hash,
          window_seconds, claimed_at, expires_at)
        VALUES (entry.call_id, entry.organization_id, entry.member_id, entry.credential_id, entry.connection_id, entry.tool,
          entry.arguments_hash, entry.repeat_window, came_at, came_at + make_interval(secs => entry.repeat_window + 600))
        ON CONFLICT (credential_id, connection_id, tool_name, arguments_hash) DO UPDATE SET call_id = excluded.call_id,
          window_seconds = excluded.window_seconds, state = 'open', sealed = NULL, claimed_at = excluded.claimed_at, ended_at = NULL,
          expires_at = excluded.expires_at
          WHERE k.expires_at <= came_at
        RETURNING true INTO claims;
        claims := coalesce(claims, false);
      END IF;
      IF NOT claims THEN
        SELECT k.call_id INTO repeat_of FROM write_claims k
        WHERE k.organization_id = entry.organization_id AND k.credential_id = entry.credential_id
          AND k.connection_id = entry.connection_id AND k.tool_name = entry.tool AND k.arguments_hash = entry.arguments_hash
          AND k.expires_at > came_at;
      END IF;
      IF repeat_of IS NOT NULL THEN
        reason := 'duplicate_write';
        RETURN NEXT;
        CONTINUE;
      END IF;
    END IF;
    IF entry.writes_per_day IS NOT NULL OR entry.deletes_per_day IS NOT NULL THEN
      SELECT * INTO spent FROM write_budgets w
      WHERE w.organization_id = entry.organization_id AND w.agent_id = entry.agent_id AND w.day = today;
      IF spent.tripped_as IS NOT NULL THEN
        reason := spent.tripped_as;
        budget := spent.budget;
      ELSIF entry.goes THEN
        IF entry.deletes AND spent.deletes >= entry.deletes_per_day THEN
          reason := 'delete_budget';
          budget := entry.deletes_per_day;
        ELSIF spent.writes >= entry.writes_per_day THEN
          reason := 'write_budget';
          budget := entry.writes_per_day;
        END IF;
        IF reason IS NULL THEN
          UPDATE write_budgets w SET writes = w.writes + 1, deletes = w.deletes + entry.deletes::int
          WHERE w.organization_id = entry.organization_id AND w.agent_id = entry.agent_id AND w.day = today;
        ELSE
          UPDATE write_budgets w SET trip_id = entry.event_id, tripped_as = reason, tripped_at = clock_timestamp(),
            budget = guard_writes.budget, credential_id = entry.credential_id
          WHERE w.organization_id = entry.organization_id AND w.agent_id = entry.agent_id AND w.day = today;
          INSERT INTO audit_records (id, organization_id, kind, member_id, member_email, credential_kind, credential_id,
            credential_name, action, target, after)
          VALUES (entry.event_id, entry.organization_id, 'event', entry.member_id, entry.member_email, entry.credential_kind,
            entry.credential_id::text, entry.credential_name, 'budget.tripped', 'budget:' || entry.event_id,
            jsonb_build_object('reason', reason, 'budget', budget, 'tool', entry.tool, 'call', entry.call_id,
              'until', to_char(today + 1, 'YYYY-MM-DD"T00:00:00Z"')));
        END IF;
      END IF;
      IF reason IS NOT NULL AND claims THEN
        DELETE FROM write_claims k WHERE k.organization_id = entry.organization_id AND k.call_id = entry.call_id;
        claims := false;
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
END $$;
