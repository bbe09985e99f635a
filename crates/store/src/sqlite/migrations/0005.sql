-- Evidence: an append-only log over calls, outcomes and audit events. What an entry says is written
-- from those rows; here is only its place, what it speaks of, and the hash of its leaf.
-- `mac` columns: see keys.rs.

CREATE TABLE log_entries (
    idx  INTEGER PRIMARY KEY,
    -- The row it speaks of: idx * 4, plus 0 for a call, 1 for an outcome, 2 for an audit event.
    ref  INTEGER NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- The hashes of tiles above the leaves: each the root of 256 hashes one level below.
CREATE TABLE log_nodes (
    level INTEGER NOT NULL CHECK (level > 0),
    idx   INTEGER NOT NULL,
    hash  BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, idx)
) STRICT, WITHOUT ROWID;

-- How long the log is. Moved from one length to the next in the commit that makes it longer.
CREATE TABLE log_head (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    size INTEGER NOT NULL CHECK (size >= 0),
    mac  BLOB NOT NULL CHECK (length(mac) = 32)
) STRICT;

CREATE TABLE log_checkpoints (
    size INTEGER PRIMARY KEY,
    at   INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;

CREATE TABLE log_keys (
    id         INTEGER PRIMARY KEY,
    public     TEXT NOT NULL,
    sealed     BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- The place of each row's entry in the log.
ALTER TABLE calls ADD COLUMN entry INTEGER;
ALTER TABLE outcomes ADD COLUMN entry INTEGER;
ALTER TABLE audit_events ADD COLUMN entry INTEGER;
