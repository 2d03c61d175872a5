-- The authorization server for MCP clients: clients and what is under way belong to the deployment, grants, their tokens, blocks
-- and redirect rules to an organization.
CREATE TABLE oauth_clients (
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    metadata JSONB NOT NULL,
    secret TEXT,
    registered_from BYTEA,
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT oauth_clients_pkey PRIMARY KEY (id)
);

CREATE TABLE oauth_states (
    id_hash BYTEA NOT NULL,
    kind TEXT NOT NULL,
    sealed TEXT NOT NULL,
    answered_at TIMESTAMPTZ(3),
    expires_at TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT oauth_states_pkey PRIMARY KEY (id_hash)
);

CREATE TABLE refused_registrations (
    uri TEXT NOT NULL,
    client_name TEXT NOT NULL,
    at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT refused_registrations_pkey PRIMARY KEY (uri,client_name)
);

CREATE TABLE grants (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    member_id UUID NOT NULL,
    client_id TEXT NOT NULL,
    client_name TEXT NOT NULL,
    connection_id UUID,
    redirect_uri TEXT NOT NULL,
    resource TEXT NOT NULL,
    expires_at TIMESTAMPTZ(3) NOT NULL,
    redeemed_at TIMESTAMPTZ(3),
    last_used_at TIMESTAMPTZ(3),
    ended_at TIMESTAMPTZ(3),
    ended_reason TEXT,
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT grants_pkey PRIMARY KEY (id)
);

CREATE TABLE oauth_tokens (
    hash BYTEA NOT NULL,
    organization_id UUID NOT NULL,
    grant_id UUID NOT NULL,
    kind TEXT NOT NULL,
    resource TEXT NOT NULL,
    payload JSONB NOT NULL,
    consumed_at TIMESTAMPTZ(3),
    successor_hash BYTEA,
    answer TEXT,
    expires_at TIMESTAMPTZ(3) NOT NULL,
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT oauth_tokens_pkey PRIMARY KEY (hash)
);

CREATE TABLE client_blocks (
    organization_id UUID NOT NULL,
    client_id TEXT NOT NULL,
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT client_blocks_pkey PRIMARY KEY (organization_id,client_id)
);

CREATE TABLE redirect_uri_rules (
    organization_id UUID NOT NULL,
    uris TEXT[],
    allow_loopback BOOLEAN NOT NULL,

    CONSTRAINT redirect_uri_rules_pkey PRIMARY KEY (organization_id)
);

ALTER TABLE connect_attempts ADD COLUMN return_to TEXT;

CREATE INDEX oauth_clients_created_at_idx ON oauth_clients(created_at);
CREATE INDEX oauth_clients_registered_from_created_at_idx ON oauth_clients(registered_from, created_at);
CREATE INDEX oauth_states_expires_at_idx ON oauth_states(expires_at);
CREATE UNIQUE INDEX grants_organization_id_id_key ON grants(organization_id, id);
CREATE INDEX grants_member_id_idx ON grants(member_id);
CREATE INDEX grants_client_id_idx ON grants(client_id);
CREATE INDEX oauth_tokens_grant_id_idx ON oauth_tokens(grant_id);
CREATE INDEX oauth_tokens_expires_at_idx ON oauth_tokens(expires_at);

ALTER TABLE grants ADD CONSTRAINT grants_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE grants ADD CONSTRAINT grants_organization_id_member_id_fkey FOREIGN KEY (organization_id, member_id) REFERENCES members(organization_id, id) ON DELETE CASCADE;
ALTER TABLE oauth_tokens ADD CONSTRAINT oauth_tokens_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE oauth_tokens ADD CONSTRAINT oauth_tokens_organization_id_grant_id_fkey FOREIGN KEY (organization_id, grant_id) REFERENCES grants(organization_id, id) ON DELETE CASCADE;
ALTER TABLE client_blocks ADD CONSTRAINT client_blocks_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE redirect_uri_rules ADD CONSTRAINT redirect_uri_rules_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;

ALTER TABLE oauth_clients ADD CONSTRAINT oauth_clients_kind_check CHECK (kind IN ('registered', 'document'));
ALTER TABLE oauth_tokens ADD CONSTRAINT oauth_tokens_kind_check CHECK (kind IN ('access', 'refresh', 'code'));
