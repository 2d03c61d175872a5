-- What happened by hour and by day, so that a chart costs the same at any size; facts of the first run; indexes for the audit's filters.
CREATE TABLE audit_hours (
    organization_id UUID NOT NULL,
    span TEXT NOT NULL,
    dimension TEXT NOT NULL,
    at TIMESTAMPTZ(3) NOT NULL,
    key TEXT NOT NULL,
    calls INTEGER NOT NULL DEFAULT 0,
    denied INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    first_at TIMESTAMPTZ(6),
    last_at TIMESTAMPTZ(6),

    CONSTRAINT audit_hours_pkey PRIMARY KEY (organization_id,span,dimension,at,key)
) WITH (fillfactor = 70);

ALTER TABLE audit_hours ADD CONSTRAINT audit_hours_span_check CHECK (span IN ('hour', 'day', 'ever'));
ALTER TABLE audit_hours ADD CONSTRAINT audit_hours_dimension_check CHECK (dimension IN ('all', 'tool', 'member', 'outcome', 'latency'));

-- Zero: whatever the chain has already is added by the chainer's first runs.
ALTER TABLE audit_chain_heads ADD COLUMN rolled_seq BIGINT NOT NULL DEFAULT 0;

ALTER TABLE organizations ADD COLUMN tools_synced_at TIMESTAMPTZ(3);
ALTER TABLE organizations ADD COLUMN endpoint_copied_at TIMESTAMPTZ(3);
ALTER TABLE organizations ADD COLUMN first_run_hidden_at TIMESTAMPTZ(3);
-- Syncs from before this version are on record.
UPDATE organizations o SET tools_synced_at =
  (SELECT max(r.at) FROM audit_records r WHERE r.organization_id = o.id AND r.kind = 'event' AND r.action = 'tools.synced');

-- Admission pays for the first four with every call; the others hold few rows, or none that it inserts.
CREATE INDEX audit_records_member_idx ON audit_records(organization_id, member_email, at DESC, id DESC) WHERE member_email IS NOT NULL;
CREATE INDEX audit_records_tool_idx ON audit_records(organization_id, tool, at DESC, id DESC) WHERE tool IS NOT NULL;
CREATE INDEX audit_records_credential_idx ON audit_records(organization_id, credential_id, at DESC, id DESC) WHERE credential_id IS NOT NULL;
CREATE INDEX audit_records_client_idx ON audit_records(organization_id, client, at DESC, id DESC) WHERE client IS NOT NULL;
CREATE INDEX audit_records_denied_idx ON audit_records(organization_id, at DESC, id DESC) WHERE decision = 'deny';
CREATE INDEX audit_records_event_idx ON audit_records(organization_id, at DESC, id DESC) WHERE kind = 'event';
CREATE INDEX audit_records_method_idx ON audit_records(organization_id, method, at DESC, id DESC) WHERE method <> 'tools/call';
CREATE INDEX audit_records_outcome_idx ON audit_records(organization_id, outcome, at DESC) WHERE outcome <> 'ok';
CREATE INDEX audit_records_reason_idx ON audit_records(organization_id, reason, at DESC) WHERE kind = 'outcome' AND reason IS NOT NULL;
