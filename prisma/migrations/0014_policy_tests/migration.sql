-- Policy tests: what an organization says must, or must not, be allowed, whoever edits the policy (lib/policy/policy-tests). About a member,
-- and gone with the member, or about whoever is in exactly these groups (slugs; a group that is gone grants nothing).
CREATE TABLE policy_tests (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    member_id UUID,
    groups TEXT[],
    tool_name TEXT NOT NULL,
    arguments JSON,
    may BOOLEAN NOT NULL,
    because TEXT,
    created_by TEXT NOT NULL,
    created_at TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT policy_tests_pkey PRIMARY KEY (id)
);

ALTER TABLE policy_tests ADD CONSTRAINT policy_tests_subject_check CHECK ((member_id IS NULL) = (coalesce(cardinality(groups), 0) > 0));
ALTER TABLE policy_tests ADD CONSTRAINT policy_tests_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT;
ALTER TABLE policy_tests ADD CONSTRAINT policy_tests_member_fkey FOREIGN KEY (organization_id, member_id) REFERENCES members(organization_id, id) ON DELETE CASCADE;
ALTER TABLE policy_tests ADD CONSTRAINT policy_tests_tool_fkey FOREIGN KEY (organization_id, tool_name) REFERENCES tools(organization_id, name) ON DELETE RESTRICT;
CREATE INDEX policy_tests_organization_id_idx ON policy_tests (organization_id);
CREATE INDEX policy_tests_member_id_idx ON policy_tests (member_id);
