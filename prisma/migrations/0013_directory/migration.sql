-- The company's identity provider and directory: who signs in as whom, what SCIM manages, and the bearers that may.
CREATE TABLE identities (
    organization_id UUID NOT NULL,
    member_id UUID NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    bound_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    used_at TIMESTAMPTZ(3),

    CONSTRAINT identities_pkey PRIMARY KEY (member_id, issuer)
);

ALTER TABLE identities ADD CONSTRAINT identities_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE identities ADD CONSTRAINT identities_member_fkey FOREIGN KEY (organization_id, member_id) REFERENCES members(organization_id, id) ON DELETE CASCADE;
CREATE UNIQUE INDEX identities_issuer_subject_key ON identities (issuer, subject);

CREATE TABLE directory_tokens (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    organization_id UUID NOT NULL,
    name TEXT NOT NULL,
    token_hash BYTEA NOT NULL,
    last4 TEXT NOT NULL,
    expires_at TIMESTAMPTZ(3),
    last_used_at TIMESTAMPTZ(3),
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT directory_tokens_pkey PRIMARY KEY (id)
);

ALTER TABLE directory_tokens ADD CONSTRAINT directory_tokens_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
CREATE UNIQUE INDEX directory_tokens_token_hash_key ON directory_tokens (token_hash);
CREATE INDEX directory_tokens_organization_id_idx ON directory_tokens (organization_id);

-- A person as the directory knows them. They outlive their member, whose e-mail address they have: who was deactivated is still there.
CREATE TABLE directory_users (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    organization_id UUID NOT NULL,
    email TEXT NOT NULL,
    user_name TEXT NOT NULL,
    user_name_key TEXT NOT NULL,
    external_id TEXT,
    display_name TEXT NOT NULL,
    given_name TEXT,
    family_name TEXT,
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT directory_users_pkey PRIMARY KEY (id)
);

ALTER TABLE directory_users ADD CONSTRAINT directory_users_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
CREATE UNIQUE INDEX directory_users_organization_id_email_key ON directory_users (organization_id, email);
CREATE UNIQUE INDEX directory_users_organization_id_user_name_key_key ON directory_users (organization_id, user_name_key);
CREATE INDEX directory_users_external_id_idx ON directory_users (organization_id, external_id);

-- A group of the company and the group here that has its members.
CREATE TABLE directory_groups (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    organization_id UUID NOT NULL,
    group_id UUID NOT NULL,
    name TEXT NOT NULL,
    external_id TEXT,
    made_here BOOLEAN NOT NULL DEFAULT false,
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT directory_groups_pkey PRIMARY KEY (id)
);

ALTER TABLE directory_groups ADD CONSTRAINT directory_groups_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE directory_groups ADD CONSTRAINT directory_groups_group_fkey FOREIGN KEY (organization_id, group_id) REFERENCES groups(organization_id, id) ON DELETE CASCADE;
CREATE UNIQUE INDEX directory_groups_organization_id_group_id_key ON directory_groups (organization_id, group_id);
CREATE UNIQUE INDEX directory_groups_organization_id_name_key ON directory_groups (organization_id, name);

-- Memberships that a claim gave because its value was a group's slug: a later sign-in may take these back, and no others.
CREATE TABLE directory_memberships (
    organization_id UUID NOT NULL,
    member_id UUID NOT NULL,
    group_id UUID NOT NULL,

    CONSTRAINT directory_memberships_pkey PRIMARY KEY (member_id, group_id)
);

ALTER TABLE directory_memberships ADD CONSTRAINT directory_memberships_member_fkey FOREIGN KEY (organization_id, member_id) REFERENCES members(organization_id, id) ON DELETE CASCADE;
ALTER TABLE directory_memberships ADD CONSTRAINT directory_memberships_group_fkey FOREIGN KEY (organization_id, group_id) REFERENCES groups(organization_id, id) ON DELETE CASCADE;
CREATE INDEX directory_memberships_group_idx ON directory_memberships (group_id);
