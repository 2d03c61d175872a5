-- Offboarding: what ended for whom and when, measured; which processes have seen it; and the synthetic members it is rehearsed with.
ALTER TABLE members ADD COLUMN is_drill BOOLEAN NOT NULL DEFAULT false;

CREATE TABLE offboardings (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    member_id UUID NOT NULL,
    member_email TEXT NOT NULL,
    member_name TEXT NOT NULL,
    is_drill BOOLEAN NOT NULL DEFAULT false,
    by TEXT NOT NULL,
    started_at TIMESTAMPTZ(3) NOT NULL,
    ended_at TIMESTAMPTZ(3),
    sessions INTEGER NOT NULL DEFAULT 0,
    tokens INTEGER NOT NULL DEFAULT 0,
    grants INTEGER NOT NULL DEFAULT 0,
    connections INTEGER NOT NULL DEFAULT 0,
    revocation_ids UUID[],
    confirmed_at TIMESTAMPTZ(3),
    attempts INTEGER NOT NULL DEFAULT 0,
    drill_token TEXT,
    drill_session UUID,
    problem TEXT,
    closed_at TIMESTAMPTZ(3),

    CONSTRAINT offboardings_pkey PRIMARY KEY (id)
);

ALTER TABLE offboardings ADD CONSTRAINT offboardings_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
CREATE UNIQUE INDEX offboardings_organization_id_id_key ON offboardings (organization_id, id);

CREATE TABLE offboarding_reports (
    organization_id UUID NOT NULL,
    offboarding_id UUID NOT NULL,
    process_id UUID NOT NULL,
    ready_at TIMESTAMPTZ(3),
    ended_at TIMESTAMPTZ(3),
    streams INTEGER NOT NULL DEFAULT 0,
    problem TEXT,

    CONSTRAINT offboarding_reports_pkey PRIMARY KEY (offboarding_id, process_id)
);

ALTER TABLE offboarding_reports ADD CONSTRAINT offboarding_reports_offboarding_fkey FOREIGN KEY (organization_id, offboarding_id) REFERENCES offboardings(organization_id, id) ON DELETE CASCADE;
CREATE INDEX offboarding_reports_open_idx ON offboarding_reports (process_id) WHERE ended_at IS NULL;

-- Every process that serves agents says here that it lives, whether it is called or not.
CREATE TABLE witnesses (
    id UUID NOT NULL,
    seen_at TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT witnesses_pkey PRIMARY KEY (id)
);
