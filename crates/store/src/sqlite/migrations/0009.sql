-- Channels: where people outside are told of calls that wait for them, and what they were told.
-- `mac` columns: see keys.rs.

CREATE TABLE channels (
    org             TEXT NOT NULL REFERENCES organisations,
    id              TEXT NOT NULL UNIQUE,
    name            TEXT NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('webhook', 'email', 'slack')),
    -- JSON: where it leads, without what is secret.
    settings        TEXT NOT NULL,
    -- JSON: the states of approvals that it tells of.
    events          TEXT NOT NULL,
    -- JSON: targets inside that it may be reached at.
    private_targets TEXT NOT NULL,
    enabled         INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    -- Sealed: the key it signs with, the password, the address that is a secret itself.
    secret          BLOB,
    generation      INTEGER NOT NULL,
    revision        INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    mac             BLOB NOT NULL,
    PRIMARY KEY (org, id)
) STRICT;
CREATE UNIQUE INDEX channels_name ON channels (org, name);

-- The outbox. Lines are written in the commit that changes the approval.
CREATE TABLE deliveries (
    -- The order in which they are sent.
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    org         TEXT NOT NULL,
    channel     TEXT NOT NULL,
    -- One message may go by several channels, and keeps its id.
    message     TEXT NOT NULL,
    event       TEXT NOT NULL,
    approval    TEXT,
    -- JSON: names and times, never a value of a call.
    facts       TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts    INTEGER NOT NULL,
    -- Not before this moment, while it waits.
    next_at     INTEGER NOT NULL,
    -- After this moment it is given up.
    until       INTEGER NOT NULL,
    tried_at    INTEGER,
    ended_at    INTEGER,
    -- What the last attempt came to.
    told        TEXT NOT NULL,
    -- Of what is sent: somebody else's line is not.
    mac         BLOB NOT NULL,
    UNIQUE (org, channel, message),
    FOREIGN KEY (org, channel) REFERENCES channels (org, id)
) STRICT;
CREATE INDEX deliveries_waiting ON deliveries (org, channel, seq) WHERE state = 'waiting';
CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX deliveries_channel ON deliveries (org, channel, seq);

-- How many a grant has asked for lately.
CREATE INDEX approvals_grant ON approvals (org, grant_id, created_at);
CREATE INDEX approvals_asked_by ON approvals (asked_by);

-- How long calls of a grant are held, where it is not as usual.
CREATE TABLE grant_holding (
    org        TEXT NOT NULL,
    grant_id   TEXT NOT NULL,
    seconds    INTEGER NOT NULL,
    legs       INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    mac        BLOB NOT NULL,
    PRIMARY KEY (org, grant_id)
) STRICT;
