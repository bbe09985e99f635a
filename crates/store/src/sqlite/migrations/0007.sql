-- Approvals: calls that wait for people, and what people said.
-- `mac` columns: see keys.rs.

CREATE TABLE approvals (
    org                   TEXT NOT NULL REFERENCES organisations,
    id                    TEXT NOT NULL UNIQUE,
    state                 TEXT NOT NULL CHECK (state IN
        ('pending', 'approved', 'denied', 'expired', 'withdrawn', 'consumed')),
    -- What is signed off, to the letter: SHA-256 over grant, server, credential, tool, definition,
    -- arguments, policy version and rules.
    digest                BLOB NOT NULL CHECK (length(digest) = 32),
    grant_id              TEXT NOT NULL,
    grant_label           TEXT NOT NULL,
    identity              TEXT NOT NULL,
    server                TEXT NOT NULL,
    server_slug           TEXT NOT NULL,
    credential            TEXT,
    credential_generation INTEGER,
    tool                  TEXT NOT NULL,
    fingerprint           TEXT,
    policy                TEXT NOT NULL,
    policy_version        INTEGER NOT NULL,
    -- JSON: the rules that ask, each with whom it asks and how many of them.
    needs                 TEXT NOT NULL,
    -- JSON: who said what, when, from where.
    decisions             TEXT NOT NULL,
    -- How often the same call was asked for.
    asked                 INTEGER NOT NULL CHECK (asked > 0),
    -- The call that asked first, and the one that used it.
    asked_by              BLOB NOT NULL CHECK (length(asked_by) = 16),
    used_by               BLOB CHECK (length(used_by) = 16),
    -- Whether the agent knows that it has expired.
    told                  INTEGER NOT NULL CHECK (told IN (0, 1)),
    -- Why it was withdrawn.
    reason                TEXT NOT NULL,
    created_at            INTEGER NOT NULL,
    expires_at            INTEGER NOT NULL,
    ended_at              INTEGER,
    mac                   BLOB NOT NULL,
    PRIMARY KEY (org, id)
) STRICT;
-- The repeat of a call finds the record that stands.
CREATE UNIQUE INDEX approvals_living ON approvals (org, digest)
    WHERE state IN ('pending', 'approved');
CREATE INDEX approvals_digest ON approvals (org, digest, created_at);
CREATE INDEX approvals_state ON approvals (org, state, created_at);
CREATE INDEX approvals_used_by ON approvals (used_by) WHERE used_by IS NOT NULL;

-- The arguments, sealed; gone when their approval ends.
CREATE TABLE approval_arguments (
    org      TEXT NOT NULL,
    approval TEXT NOT NULL,
    sealed   BLOB NOT NULL,
    PRIMARY KEY (org, approval),
    FOREIGN KEY (org, approval) REFERENCES approvals (org, id)
) STRICT;

CREATE TABLE approval_settings (
    org        TEXT PRIMARY KEY REFERENCES organisations,
    -- Bars the grant's issuer and the rule's last editor too.
    strict     INTEGER NOT NULL CHECK (strict IN (0, 1)),
    -- Whether agents are told what people wrote.
    show_notes INTEGER NOT NULL CHECK (show_notes IN (0, 1)),
    revision   INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    mac        BLOB NOT NULL
) STRICT;
