-- Drift: what Asana changed in its tools and when, who judged it and how; fingerprints, by which the gate knows a definition that nobody
-- reviewed; and work that every organization has done on a schedule, by one process at a time.
ALTER TABLE tools ADD COLUMN definition_hash TEXT;
ALTER TABLE tools ADD COLUMN seen_hash TEXT;
ALTER TABLE tools ADD COLUMN kept_hash TEXT;

CREATE TABLE tool_drifts (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    tool_name TEXT NOT NULL,
    kinds TEXT[],
    found_by TEXT NOT NULL,
    before JSON,
    after JSON,
    successor_of TEXT,
    decision TEXT,
    decided_by TEXT,
    decided_at TIMESTAMPTZ(3),
    found_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT tool_drifts_pkey PRIMARY KEY (id)
);

ALTER TABLE tool_drifts ADD CONSTRAINT tool_drifts_found_by_check CHECK (found_by IN ('sync', 'schedule', 'agent'));
ALTER TABLE tool_drifts ADD CONSTRAINT tool_drifts_decision_check CHECK (decision IN ('accepted', 'kept', 'blocked', 'superseded'));
ALTER TABLE tool_drifts ADD CONSTRAINT tool_drifts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE tool_drifts ADD CONSTRAINT tool_drifts_tool_fkey FOREIGN KEY (organization_id, tool_name) REFERENCES tools(organization_id, name) ON DELETE RESTRICT;
CREATE INDEX tool_drifts_organization_id_found_at_idx ON tool_drifts (organization_id, found_at DESC);
CREATE INDEX tool_drifts_open_idx ON tool_drifts (organization_id, tool_name) WHERE decision IS NULL;

CREATE TABLE scheduled_jobs (
    organization_id UUID NOT NULL,
    job TEXT NOT NULL,
    next_at TIMESTAMPTZ(3) NOT NULL,
    lease_until TIMESTAMPTZ(3),
    lease_holder UUID,
    last_at TIMESTAMPTZ(3),
    last_ok_at TIMESTAMPTZ(3),
    failures INTEGER NOT NULL DEFAULT 0,
    problem TEXT,

    CONSTRAINT scheduled_jobs_pkey PRIMARY KEY (organization_id, job)
);

ALTER TABLE scheduled_jobs ADD CONSTRAINT scheduled_jobs_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
CREATE INDEX scheduled_jobs_next_at_idx ON scheduled_jobs (next_at);
