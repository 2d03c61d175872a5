-- Members ask for tools; admins find out which event made a thing so.
CREATE TABLE tool_requests (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    organization_id UUID NOT NULL,
    member_id UUID NOT NULL,
    tool_name TEXT NOT NULL,
    reason TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'open',
    answer TEXT,
    group_slug TEXT,
    decided_by TEXT,
    decided_at TIMESTAMPTZ(3),
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT tool_requests_pkey PRIMARY KEY (id)
);

ALTER TABLE tool_requests ADD CONSTRAINT tool_requests_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE tool_requests ADD CONSTRAINT tool_requests_organization_id_member_id_fkey FOREIGN KEY (organization_id, member_id) REFERENCES members(organization_id, id) ON DELETE CASCADE;
ALTER TABLE tool_requests ADD CONSTRAINT tool_requests_organization_id_tool_name_fkey FOREIGN KEY (organization_id, tool_name) REFERENCES tools(organization_id, name) ON DELETE RESTRICT;
ALTER TABLE tool_requests ADD CONSTRAINT tool_requests_status_check CHECK (status IN ('open', 'accepted', 'declined', 'withdrawn'));
ALTER TABLE tool_requests ADD CONSTRAINT tool_requests_decided_check CHECK ((status = 'open') = (decided_at IS NULL));

CREATE INDEX tool_requests_organization_id_created_at_idx ON tool_requests(organization_id, created_at DESC);
CREATE INDEX tool_requests_member_id_idx ON tool_requests(member_id);
-- A person has one open request for a tool; of two clicks at once the second finds the first.
CREATE UNIQUE INDEX tool_requests_open_key ON tool_requests(member_id, tool_name) WHERE status = 'open';

-- The events of one thing, newest first, and those by which somebody may have lost a tool. An event's id is made while what it changes
-- is locked, so that ids stand in the order of the changes; `at` is when a transaction began, perhaps to wait.
CREATE INDEX audit_records_organization_id_target_id_idx ON audit_records(organization_id, target, id DESC) WHERE kind = 'event';
CREATE INDEX audit_records_organization_id_group_id_idx ON audit_records(organization_id, id DESC) WHERE action IN ('group.updated', 'group.deleted');
