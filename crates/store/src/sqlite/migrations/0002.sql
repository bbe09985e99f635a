-- People: members, groups, invitations; and keys that belong to a member.
-- `mac` columns: see keys.rs.

CREATE TABLE members (
    org        TEXT NOT NULL REFERENCES organisations,
    id         TEXT NOT NULL UNIQUE,
    email      TEXT NOT NULL,
    -- The address in lower case: how it is compared.
    folded     TEXT NOT NULL,
    name       TEXT NOT NULL,
    role       TEXT NOT NULL CHECK (role IN ('viewer', 'policy_manager', 'admin')),
    state      TEXT NOT NULL CHECK (state IN ('invited', 'active', 'removed')),
    revision   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    mac        BLOB NOT NULL,
    PRIMARY KEY (org, id)
) STRICT;
-- Whoever was removed may be invited again, as somebody new.
CREATE UNIQUE INDEX members_present_email ON members (org, folded) WHERE state <> 'removed';

-- At most one open invitation a member.
CREATE TABLE invites (
    org        TEXT NOT NULL,
    member     TEXT NOT NULL,
    token_id   TEXT NOT NULL UNIQUE,
    hash       BLOB NOT NULL CHECK (length(hash) = 32),
    pepper     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    mac        BLOB NOT NULL,
    PRIMARY KEY (org, member),
    FOREIGN KEY (org, member) REFERENCES members (org, id)
) STRICT;

CREATE TABLE groups (
    org        TEXT NOT NULL REFERENCES organisations,
    id         TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    revision   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- Covers the list of members too.
    mac        BLOB NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, name)
) STRICT;

CREATE TABLE group_members (
    org      TEXT NOT NULL,
    group_id TEXT NOT NULL,
    member   TEXT NOT NULL,
    PRIMARY KEY (org, group_id, member),
    FOREIGN KEY (org, group_id) REFERENCES groups (org, id) ON DELETE CASCADE,
    FOREIGN KEY (org, member) REFERENCES members (org, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_members_member ON group_members (org, member);

-- Every key is a member's. Keys from before members belong to nobody and end here: the next start
-- prints a first one.
DROP TABLE api_keys;
CREATE TABLE api_keys (
    org        TEXT NOT NULL,
    id         TEXT NOT NULL,
    member     TEXT NOT NULL,
    label      TEXT NOT NULL,
    role       TEXT NOT NULL CHECK (role IN ('viewer', 'policy_manager', 'admin')),
    token_id   TEXT NOT NULL UNIQUE,
    hash       BLOB NOT NULL CHECK (length(hash) = 32),
    pepper     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    mac        BLOB NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, member) REFERENCES members (org, id)
) STRICT;
CREATE INDEX api_keys_member ON api_keys (org, member);

-- Who acted, beside the key: the member, and the session if one was used.
ALTER TABLE audit_events ADD COLUMN member TEXT;
ALTER TABLE audit_events ADD COLUMN session TEXT;
