-- Limits: what admins set, the calls of the running minute, until when Asana asked for quiet, and which processes are alive.
ALTER TABLE organizations ADD COLUMN connection_per_minute INTEGER;
ALTER TABLE organizations ADD COLUMN search_per_minute INTEGER;
ALTER TABLE groups ADD COLUMN calls_per_minute INTEGER;
ALTER TABLE members ADD COLUMN calls_per_minute INTEGER;
ALTER TABLE agent_tokens ADD COLUMN calls_per_minute INTEGER;
ALTER TABLE connections ADD COLUMN throttled_until TIMESTAMPTZ(3);

ALTER TABLE organizations ADD CONSTRAINT organizations_limits_check CHECK (connection_per_minute > 0 AND search_per_minute > 0);
ALTER TABLE groups ADD CONSTRAINT groups_calls_per_minute_check CHECK (calls_per_minute > 0);
ALTER TABLE members ADD CONSTRAINT members_calls_per_minute_check CHECK (calls_per_minute > 0);
ALTER TABLE agent_tokens ADD CONSTRAINT agent_tokens_calls_per_minute_check CHECK (calls_per_minute > 0);

-- One row for what is limited, written by every batch: room on its page lets a new version take the place of an old one.
CREATE TABLE call_counters (
    organization_id UUID NOT NULL,
    kind TEXT NOT NULL,
    id UUID NOT NULL,
    minute TIMESTAMPTZ(3) NOT NULL,
    calls INTEGER NOT NULL,

    CONSTRAINT call_counters_pkey PRIMARY KEY (kind,id)
) WITH (fillfactor = 40);

ALTER TABLE call_counters ADD CONSTRAINT call_counters_kind_check CHECK (kind IN ('token', 'member', 'group', 'search', 'connection'));

CREATE TABLE gate_processes (
    id UUID NOT NULL,
    seen_at TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT gate_processes_pkey PRIMARY KEY (id)
);

-- Counts the calls of one batch and returns those that a limit refuses: which limit, and how long until its next minute.
--
-- The arrays are one list of (call, counter, limit). A call counts in all of its counters or, where one of them is full, in none: who
-- floods a limit of his own uses up nobody else's. Counters are locked in the order of their keys, so that two batches never wait
-- for each other in a circle, and stay locked until the statement commits, so that of all processes together no more calls pass in
-- a minute than the limit says. The limit that is the narrowest (token before member before group) is the one that is named.
CREATE FUNCTION take_calls(asking INTEGER[], organizations UUID[], kinds TEXT[], ids UUID[], limits INTEGER[])
RETURNS TABLE (call INTEGER, refused_by TEXT, wait_ms INTEGER) LANGUAGE plpgsql ROWS 10 AS $$
DECLARE
  is_over BOOLEAN;
  entry RECORD;
  minutes TIMESTAMPTZ[];
  taken INTEGER[];
  spare INTEGER[];
  names TEXT[];
  counter INTEGER;
BEGIN
  IF asking IS NULL THEN
    RETURN;
  END IF;
  -- Every call is counted beforehand; what is refused is given back below, which is rare.
  WITH counters AS (
    SELECT e.organization_id, e.kind, e.id, count(*)::int AS asked, min(e.most) AS most
    FROM unnest(organizations, kinds, ids, limits) AS e(organization_id, kind, id, most) GROUP BY 1, 2, 3
  ), locked AS (
    INSERT INTO call_counters AS c (organization_id, kind, id, minute, calls)
    SELECT s.organization_id, s.kind, s.id, date_trunc('minute', clock_timestamp()), s.asked FROM counters s ORDER BY s.kind, s.id
    ON CONFLICT ON CONSTRAINT call_counters_pkey DO UPDATE SET
      -- A batch that waited over the turn of a minute counts in the newer one.
      minute = greatest(c.minute, excluded.minute),
      calls = CASE WHEN c.minute >= excluded.minute THEN c.calls ELSE 0 END + excluded.calls
    RETURNING c.kind, c.id, c.minute, c.calls
  )
  SELECT bool_or(l.calls > s.most), array_agg(l.kind || l.id), array_agg(l.minute), array_agg(l.calls - s.asked), array_agg(s.asked)
  INTO is_over, names, minutes, taken, spare
  FROM locked l JOIN counters s ON s.kind = l.kind AND s.id = l.id;
  IF NOT is_over THEN
    RETURN;
  END IF;

  FOR entry IN
    SELECT e.asker, array_agg(array_position(names, e.kind || e.id) ORDER BY e.place) AS counters,
      array_agg(e.kind ORDER BY e.place) AS kinds, array_agg(e.most ORDER BY e.place) AS limits
    FROM (SELECT *, array_position('{token,member,group,search,connection}', kind) AS place
      FROM unnest(asking, kinds, ids, limits) AS u(asker, kind, id, most)) e
    GROUP BY e.asker ORDER BY e.asker
  LOOP
    refused_by := NULL;
    FOR at IN 1 .. cardinality(entry.counters) LOOP
      counter := entry.counters[at];
      IF taken[counter] >= entry.limits[at] THEN
        call := entry.asker;
        refused_by := entry.kinds[at];
        wait_ms := greatest(1, ceil(extract(epoch FROM minutes[counter] + interval '1 minute' - clock_timestamp()) * 1000));
        RETURN NEXT;
        EXIT;
      END IF;
    END LOOP;
    IF refused_by IS NULL THEN
      FOREACH counter IN ARRAY entry.counters LOOP
        taken[counter] := taken[counter] + 1;
        spare[counter] := spare[counter] - 1;
      END LOOP;
    END IF;
  END LOOP;

  UPDATE call_counters c SET calls = c.calls - g.spare
  FROM unnest(names, spare) AS g(name, spare)
  WHERE g.spare > 0 AND c.kind = left(g.name, -36) AND c.id = right(g.name, 36)::uuid;
END $$;
