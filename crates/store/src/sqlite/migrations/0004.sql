-- What people ask the audit log for; refusals of known people beside those of strangers; owners of
-- grants; drafts of policies.

CREATE INDEX audit_events_event ON audit_events (org, event, idx);
CREATE INDEX audit_events_subject ON audit_events (org, subject, idx);

CREATE TABLE refusals (
    idx          INTEGER PRIMARY KEY AUTOINCREMENT,
    minute       INTEGER NOT NULL,
    address      TEXT NOT NULL,
    reason       TEXT NOT NULL,
    -- The organisation and the member, if it was somebody known; otherwise empty.
    org          TEXT NOT NULL,
    member       TEXT NOT NULL,
    -- What was asked for, as a template such as `GET /audit`; empty for calls of agents.
    asked        TEXT NOT NULL,
    token_prefix TEXT,
    count        INTEGER NOT NULL,
    UNIQUE (minute, address, reason, org, member, asked)
) STRICT;
INSERT INTO refusals (idx, minute, address, reason, org, member, asked, token_prefix, count)
    SELECT idx, minute, address, reason, '', '', '', token_prefix, count FROM stranger_refusals;
DROP TABLE stranger_refusals;

-- Whose a grant is: the member themselves, or the owner of the agent that `identity` names.
ALTER TABLE grants ADD COLUMN owner TEXT;
CREATE INDEX grants_owner ON grants (org, owner) WHERE owner IS NOT NULL;

-- At most one draft a policy: what will be its next version.
CREATE TABLE policy_drafts (
    org        TEXT NOT NULL,
    policy     TEXT NOT NULL,
    text       BLOB NOT NULL,
    cases      BLOB,
    note       TEXT NOT NULL,
    -- The version it was begun from; 0 when there was none.
    base       INTEGER NOT NULL CHECK (base >= 0),
    author     TEXT NOT NULL,
    revision   INTEGER NOT NULL CHECK (revision > 0),
    updated_at INTEGER NOT NULL,
    mac        BLOB NOT NULL,
    PRIMARY KEY (org, policy),
    FOREIGN KEY (org, policy) REFERENCES policies (org, id) ON DELETE CASCADE
) STRICT;
