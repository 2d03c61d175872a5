-- Answers of people to questions of Asana's, on their way from the process that an agent told to the process whose call waits for them.
CREATE TABLE client_answers (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    call_id UUID NOT NULL,
    question INTEGER NOT NULL,
    answer TEXT NOT NULL,
    expires_at TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT client_answers_pkey PRIMARY KEY (id),
    CONSTRAINT client_answers_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE RESTRICT
);

CREATE UNIQUE INDEX client_answers_organization_id_call_id_question_key ON client_answers(organization_id, call_id, question);
CREATE INDEX client_answers_expires_at_idx ON client_answers(expires_at);
