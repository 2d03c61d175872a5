-- An audit that proves itself: signed checkpoints of the chain and the keys that sign them, arguments of calls sealed beside their
-- records, a sink outside, and a way to let old records go that leaves the rest verifiable.
ALTER TABLE organizations ADD COLUMN keep_arguments_since TIMESTAMPTZ(3);
ALTER TABLE organizations ADD COLUMN argument_days INTEGER NOT NULL DEFAULT 30;
ALTER TABLE organizations ADD COLUMN audit_months INTEGER;
ALTER TABLE organizations ADD CONSTRAINT organizations_argument_days_check CHECK (argument_days BETWEEN 1 AND 3650);
ALTER TABLE organizations ADD CONSTRAINT organizations_audit_months_check CHECK (audit_months BETWEEN 1 AND 1200);

CREATE TABLE audit_keys (
    id TEXT NOT NULL,
    organization_id UUID NOT NULL,
    public_key TEXT NOT NULL,
    private_key TEXT,
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    retired_at TIMESTAMPTZ(3),

    CONSTRAINT audit_keys_pkey PRIMARY KEY (id)
);

-- One key of an organization signs; what another process made meanwhile is found, not doubled.
CREATE UNIQUE INDEX audit_keys_signing_key ON audit_keys(organization_id) WHERE retired_at IS NULL;

CREATE TABLE audit_checkpoints (
    organization_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    hash BYTEA NOT NULL,
    at TIMESTAMPTZ(3) NOT NULL,
    key_id TEXT NOT NULL,
    signature BYTEA NOT NULL,

    CONSTRAINT audit_checkpoints_pkey PRIMARY KEY (organization_id,seq,kind)
);

ALTER TABLE audit_checkpoints ADD CONSTRAINT audit_checkpoints_kind_check CHECK (kind IN ('checkpoint', 'retention'));
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE audit_arguments (
    call_id UUID NOT NULL,
    organization_id UUID NOT NULL,
    at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    bytes INTEGER NOT NULL,
    sealed TEXT NOT NULL,

    CONSTRAINT audit_arguments_pkey PRIMARY KEY (call_id)
);

CREATE INDEX audit_arguments_organization_id_at_idx ON audit_arguments(organization_id, at);

CREATE TABLE audit_sinks (
    organization_id UUID NOT NULL,
    kind TEXT NOT NULL,
    address TEXT NOT NULL,
    ca TEXT,
    secret TEXT,
    sent_seq BIGINT NOT NULL,
    sent_checkpoint BIGINT NOT NULL,
    sent_at TIMESTAMPTZ(3),
    failures INTEGER NOT NULL DEFAULT 0,
    problem TEXT,
    next_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    lease_holder UUID,
    lease_until TIMESTAMPTZ(3),

    CONSTRAINT audit_sinks_pkey PRIMARY KEY (organization_id)
);

ALTER TABLE audit_sinks ADD CONSTRAINT audit_sinks_kind_check CHECK (kind IN ('syslog', 'otlp'));

-- The one way out of the audit: a prefix of the chain that is older than the organization keeps, after a retention checkpoint was
-- written at its end. By facts and not by a setting of the session, which whoever may delete could make as well. (Who owns the tables
-- can switch triggers off; he can't sign.)
CREATE FUNCTION refuse_unexpired() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  place BIGINT;
  expired BOOLEAN;
BEGIN
  IF TG_TABLE_NAME = 'audit_records' THEN
    SELECT c.seq INTO place FROM audit_chain c WHERE c.record_id = OLD.id AND c.organization_id = OLD.organization_id;
    SELECT OLD.at < now() - make_interval(months => o.audit_months) INTO expired FROM organizations o WHERE o.id = OLD.organization_id;
  ELSE
    place := OLD.seq;
    expired := NOT EXISTS (SELECT FROM audit_records r WHERE r.id = OLD.record_id);
  END IF;
  IF expired IS NOT TRUE OR NOT EXISTS (
    SELECT FROM audit_checkpoints k WHERE k.organization_id = OLD.organization_id AND k.kind = 'retention' AND k.seq >= place
  ) THEN
    RAISE EXCEPTION 'DELETE on % is refused: audit is insert-only, and this is not older than the organization keeps', TG_TABLE_NAME
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN OLD;
END $$;

DROP TRIGGER insert_only ON audit_records;
DROP TRIGGER insert_only ON audit_chain;
CREATE TRIGGER insert_only BEFORE UPDATE OR TRUNCATE ON audit_records FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR TRUNCATE ON audit_chain FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER expired_only BEFORE DELETE ON audit_records FOR EACH ROW EXECUTE FUNCTION refuse_unexpired();
CREATE TRIGGER expired_only BEFORE DELETE ON audit_chain FOR EACH ROW EXECUTE FUNCTION refuse_unexpired();
