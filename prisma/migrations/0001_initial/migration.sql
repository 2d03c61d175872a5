-- The first shape of the database. Keys of two columns make a row that joins two organizations impossible.
CREATE TYPE role AS ENUM ('admin', 'auditor', 'member');

CREATE TYPE tool_class AS ENUM ('read', 'write', 'destructive', 'internal', 'unknown');

CREATE TYPE tool_status AS ENUM ('reviewed', 'new', 'changed', 'missing');

CREATE TYPE connection_status AS ENUM ('active', 'needs_reconnect');

CREATE TABLE organizations (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    name TEXT NOT NULL,
    workspaces JSONB,
    drift_policy TEXT NOT NULL DEFAULT 'hold',
    asana_email TEXT NOT NULL DEFAULT 'same',
    asana_plan TEXT NOT NULL DEFAULT 'paid',
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT organizations_pkey PRIMARY KEY (id)
);

CREATE TABLE members (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    organization_id UUID NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    role role NOT NULL DEFAULT 'member',
    password_hash TEXT,
    asana_emails TEXT[] DEFAULT ARRAY[]::TEXT[],
    failed_sign_ins INTEGER NOT NULL DEFAULT 0,
    locked_until TIMESTAMPTZ(3),
    last_seen_at TIMESTAMPTZ(3),
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT members_pkey PRIMARY KEY (id)
);

CREATE TABLE sessions (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    member_id UUID NOT NULL,
    expires_at TIMESTAMPTZ(3) NOT NULL,
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT sessions_pkey PRIMARY KEY (id)
);

CREATE TABLE invites (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    organization_id UUID NOT NULL,
    member_id UUID NOT NULL,
    token_hash BYTEA NOT NULL,
    expires_at TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT invites_pkey PRIMARY KEY (id)
);

CREATE TABLE groups (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    organization_id UUID NOT NULL,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    methods TEXT[] DEFAULT ARRAY[]::TEXT[],
    version INTEGER NOT NULL DEFAULT 1,
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT groups_pkey PRIMARY KEY (id)
);

CREATE TABLE group_members (
    organization_id UUID NOT NULL,
    group_id UUID NOT NULL,
    member_id UUID NOT NULL,

    CONSTRAINT group_members_pkey PRIMARY KEY (member_id,group_id)
);

CREATE TABLE group_tools (
    organization_id UUID NOT NULL,
    group_id UUID NOT NULL,
    tool_name TEXT NOT NULL,

    CONSTRAINT group_tools_pkey PRIMARY KEY (group_id,tool_name)
);

CREATE TABLE tools (
    organization_id UUID NOT NULL,
    name TEXT NOT NULL,
    definition JSON NOT NULL,
    seen JSON,
    class tool_class NOT NULL,
    status tool_status NOT NULL,
    blocked BOOLEAN NOT NULL DEFAULT false,
    position INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    reviewed_at TIMESTAMPTZ(3),
    updated_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT tools_pkey PRIMARY KEY (organization_id,name)
);

CREATE TABLE asana_apps (
    organization_id UUID NOT NULL,
    client_id TEXT NOT NULL,
    client_secret TEXT NOT NULL,
    secret_set_at TIMESTAMPTZ(3) NOT NULL,
    last_connect TEXT,
    last_connect_at TIMESTAMPTZ(3),

    CONSTRAINT asana_apps_pkey PRIMARY KEY (organization_id)
);

CREATE TABLE connections (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    organization_id UUID NOT NULL,
    member_id UUID NOT NULL,
    client_id TEXT NOT NULL,
    workspace_gid TEXT,
    workspace_name TEXT,
    asana_user_gid TEXT,
    asana_email TEXT NOT NULL,
    access_token TEXT NOT NULL,
    refresh_token TEXT NOT NULL,
    access_expires_at TIMESTAMPTZ(3) NOT NULL,
    status connection_status NOT NULL DEFAULT 'active',
    generation INTEGER NOT NULL DEFAULT 1,
    lease_holder UUID,
    lease_until TIMESTAMPTZ(3),
    last_used_at TIMESTAMPTZ(3),
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT connections_pkey PRIMARY KEY (id)
);

CREATE TABLE connect_attempts (
    state_hash BYTEA NOT NULL,
    organization_id UUID NOT NULL,
    member_id UUID NOT NULL,
    browser_hash BYTEA NOT NULL,
    code_verifier TEXT NOT NULL,
    client_id TEXT NOT NULL,
    connection_id UUID,
    used_at TIMESTAMPTZ(3),
    expires_at TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT connect_attempts_pkey PRIMARY KEY (state_hash)
);

CREATE TABLE revocations (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    organization_id UUID NOT NULL,
    member_email TEXT NOT NULL,
    client_id TEXT NOT NULL,
    client_secret TEXT NOT NULL,
    refresh_token TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    confirmed_at TIMESTAMPTZ(3),
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT revocations_pkey PRIMARY KEY (id)
);

CREATE TABLE agent_tokens (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    organization_id UUID NOT NULL,
    member_id UUID NOT NULL,
    connection_id UUID,
    name TEXT NOT NULL,
    token_hash BYTEA NOT NULL,
    last4 TEXT NOT NULL,
    tools TEXT[],
    restricted BOOLEAN NOT NULL DEFAULT false,
    expires_at TIMESTAMPTZ(3),
    last_used_at TIMESTAMPTZ(3),
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT agent_tokens_pkey PRIMARY KEY (id)
);

CREATE TABLE api_keys (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    organization_id UUID NOT NULL,
    name TEXT NOT NULL,
    role role NOT NULL,
    key_hash BYTEA NOT NULL,
    last4 TEXT NOT NULL,
    expires_at TIMESTAMPTZ(3),
    last_used_at TIMESTAMPTZ(3),
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT api_keys_pkey PRIMARY KEY (id)
);

CREATE TABLE audit_records (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    at TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    kind TEXT NOT NULL,
    call_id UUID,
    member_id UUID,
    member_email TEXT,
    credential_kind TEXT,
    credential_id TEXT,
    credential_name TEXT,
    client TEXT,
    connection_id UUID,
    workspace_gid TEXT,
    method TEXT,
    tool TEXT,
    arguments_hash TEXT,
    decision TEXT,
    reason TEXT,
    policy_version TEXT,
    outcome TEXT,
    latency_ms DOUBLE PRECISION,
    action TEXT,
    target TEXT,
    before JSONB,
    after JSONB,

    CONSTRAINT audit_records_pkey PRIMARY KEY (id)
);

CREATE TABLE audit_chain (
    organization_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    record_id UUID NOT NULL,
    hash BYTEA NOT NULL,

    CONSTRAINT audit_chain_pkey PRIMARY KEY (organization_id,seq)
);

CREATE TABLE audit_chain_heads (
    organization_id UUID NOT NULL,
    xid xid8 NOT NULL,
    record_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,

    CONSTRAINT audit_chain_heads_pkey PRIMARY KEY (organization_id)
);

CREATE TABLE rate_limits (
    key TEXT NOT NULL,
    points INTEGER NOT NULL DEFAULT 0,
    expire BIGINT,

    CONSTRAINT rate_limits_pkey PRIMARY KEY (key)
);

CREATE TABLE key_checks (
    key_id TEXT NOT NULL,
    sealed TEXT NOT NULL,

    CONSTRAINT key_checks_pkey PRIMARY KEY (key_id)
);

CREATE UNIQUE INDEX members_email_key ON members(email);
CREATE UNIQUE INDEX members_organization_id_id_key ON members(organization_id, id);
CREATE INDEX sessions_member_id_idx ON sessions(member_id);
CREATE UNIQUE INDEX invites_token_hash_key ON invites(token_hash);
CREATE INDEX invites_member_id_idx ON invites(member_id);
CREATE UNIQUE INDEX groups_organization_id_slug_key ON groups(organization_id, slug);
CREATE UNIQUE INDEX groups_organization_id_id_key ON groups(organization_id, id);
CREATE INDEX group_members_group_id_idx ON group_members(group_id);
CREATE INDEX group_tools_organization_id_tool_name_idx ON group_tools(organization_id, tool_name);
CREATE INDEX connections_member_id_idx ON connections(member_id);
CREATE UNIQUE INDEX connections_organization_id_id_key ON connections(organization_id, id);
CREATE INDEX connect_attempts_expires_at_idx ON connect_attempts(expires_at);
CREATE INDEX revocations_next_attempt_at_idx ON revocations(next_attempt_at);
CREATE UNIQUE INDEX agent_tokens_token_hash_key ON agent_tokens(token_hash);
CREATE INDEX agent_tokens_member_id_idx ON agent_tokens(member_id);
CREATE UNIQUE INDEX api_keys_key_hash_key ON api_keys(key_hash);
CREATE INDEX api_keys_organization_id_idx ON api_keys(organization_id);
CREATE INDEX audit_records_organization_id_at_id_idx ON audit_records(organization_id, at DESC, id DESC);
CREATE UNIQUE INDEX audit_chain_record_id_key ON audit_chain(record_id);

ALTER TABLE members ADD CONSTRAINT members_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE sessions ADD CONSTRAINT sessions_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE sessions ADD CONSTRAINT sessions_organization_id_member_id_fkey FOREIGN KEY (organization_id, member_id) REFERENCES members(organization_id, id) ON DELETE CASCADE;
ALTER TABLE invites ADD CONSTRAINT invites_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE invites ADD CONSTRAINT invites_organization_id_member_id_fkey FOREIGN KEY (organization_id, member_id) REFERENCES members(organization_id, id) ON DELETE CASCADE;
ALTER TABLE groups ADD CONSTRAINT groups_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE group_members ADD CONSTRAINT group_members_organization_id_group_id_fkey FOREIGN KEY (organization_id, group_id) REFERENCES groups(organization_id, id) ON DELETE CASCADE;
ALTER TABLE group_members ADD CONSTRAINT group_members_organization_id_member_id_fkey FOREIGN KEY (organization_id, member_id) REFERENCES members(organization_id, id) ON DELETE CASCADE;
ALTER TABLE group_tools ADD CONSTRAINT group_tools_organization_id_group_id_fkey FOREIGN KEY (organization_id, group_id) REFERENCES groups(organization_id, id) ON DELETE CASCADE;
ALTER TABLE group_tools ADD CONSTRAINT group_tools_organization_id_tool_name_fkey FOREIGN KEY (organization_id, tool_name) REFERENCES tools(organization_id, name) ON DELETE RESTRICT;
ALTER TABLE tools ADD CONSTRAINT tools_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE asana_apps ADD CONSTRAINT asana_apps_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE connections ADD CONSTRAINT connections_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE connections ADD CONSTRAINT connections_organization_id_member_id_fkey FOREIGN KEY (organization_id, member_id) REFERENCES members(organization_id, id) ON DELETE CASCADE;
ALTER TABLE connect_attempts ADD CONSTRAINT connect_attempts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE connect_attempts ADD CONSTRAINT connect_attempts_organization_id_member_id_fkey FOREIGN KEY (organization_id, member_id) REFERENCES members(organization_id, id) ON DELETE CASCADE;
ALTER TABLE connect_attempts ADD CONSTRAINT connect_attempts_organization_id_connection_id_fkey FOREIGN KEY (organization_id, connection_id) REFERENCES connections(organization_id, id) ON DELETE CASCADE;
ALTER TABLE revocations ADD CONSTRAINT revocations_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE agent_tokens ADD CONSTRAINT agent_tokens_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE agent_tokens ADD CONSTRAINT agent_tokens_organization_id_member_id_fkey FOREIGN KEY (organization_id, member_id) REFERENCES members(organization_id, id) ON DELETE CASCADE;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;

ALTER TABLE organizations ADD CONSTRAINT organizations_drift_policy_check CHECK (drift_policy IN ('hold', 'warn'));
ALTER TABLE organizations ADD CONSTRAINT organizations_asana_email_check CHECK (asana_email IN ('same', 'listed', 'any'));
ALTER TABLE organizations ADD CONSTRAINT organizations_asana_plan_check CHECK (asana_plan IN ('free', 'paid'));
ALTER TABLE members ADD CONSTRAINT members_email_check CHECK (email = lower(email));
ALTER TABLE audit_records ADD CONSTRAINT audit_records_kind_check CHECK (kind IN ('call', 'event', 'outcome'));
ALTER TABLE audit_records ADD CONSTRAINT audit_records_outcome_check CHECK ((kind = 'outcome') = (call_id IS NOT NULL));

-- The chainer reads in the order of inserting transactions; a call has one outcome, found by its id.
CREATE INDEX audit_records_organization_id_xid_idx ON audit_records(organization_id, xid, id);
CREATE UNIQUE INDEX audit_records_call_id_key ON audit_records(call_id) WHERE call_id IS NOT NULL;

-- Audit is insert-only (AU-10), whichever role connects.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % is refused: audit is insert-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_records FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_chain FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
