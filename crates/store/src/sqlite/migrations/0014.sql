-- What is recorded of calls beyond names, where an administrator has asked for it.
-- `mac` columns: see keys.rs.

CREATE TABLE recordings (
    org               TEXT NOT NULL,
    server            TEXT NOT NULL,
    fingerprints      INTEGER NOT NULL CHECK (fingerprints IN (0, 1)),
    -- The tools it is about, as a JSON list; absent: all.
    tools             TEXT,
    -- The public key that records are sealed to; absent: none are kept.
    capture_key       TEXT,
    capture_arguments INTEGER NOT NULL CHECK (capture_arguments IN (0, 1)),
    capture_results   INTEGER NOT NULL CHECK (capture_results IN (0, 1)),
    capture_bytes_max INTEGER NOT NULL,
    mac               BLOB NOT NULL,
    PRIMARY KEY (org, server),
    FOREIGN KEY (org, server) REFERENCES servers (org, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE recording_terms (
    org              TEXT PRIMARY KEY REFERENCES organisations,
    rotate_days      INTEGER NOT NULL,
    fingerprint_days INTEGER NOT NULL,
    capture_days     INTEGER NOT NULL,
    capture_mib      INTEGER NOT NULL,
    mac              BLOB NOT NULL
) STRICT;

-- Keys of fingerprints. A destroyed one leaves its line and not its key.
CREATE TABLE fingerprint_keys (
    org          TEXT NOT NULL REFERENCES organisations,
    number       INTEGER NOT NULL,
    sealed       BLOB,
    made_at      INTEGER NOT NULL,
    retired_at   INTEGER,
    destroyed_at INTEGER,
    mac          BLOB NOT NULL,
    PRIMARY KEY (org, number)
) STRICT;

-- Keyed fingerprints, and what was kept of the arguments: JSON, as the entry of the call has it.
ALTER TABLE calls ADD COLUMN fingerprints TEXT;
ALTER TABLE calls ADD COLUMN capture TEXT;
-- What was kept of the result.
ALTER TABLE outcomes ADD COLUMN capture TEXT;

-- Sealed records: 0 arguments, 1 result. Only the customer's private key opens them; the digest of each
-- is in the entry of its call.
CREATE TABLE captures (
    call   INTEGER NOT NULL,
    part   INTEGER NOT NULL CHECK (part IN (0, 1)),
    org    TEXT NOT NULL,
    at     INTEGER NOT NULL,
    bytes  INTEGER NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (call, part)
) STRICT;

-- How much room they take: written with them.
CREATE TABLE capture_room (
    org   TEXT PRIMARY KEY REFERENCES organisations,
    bytes INTEGER NOT NULL
) STRICT;
