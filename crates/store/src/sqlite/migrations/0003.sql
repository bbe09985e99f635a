-- Who took the quota of a call: a process from its start to its end. What one leaves reserved when
-- its lease is over is closed as unknown.
CREATE TABLE incarnations (
    id         INTEGER PRIMARY KEY,
    started_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT;

ALTER TABLE quota_reservations ADD COLUMN incarnation INTEGER NOT NULL DEFAULT 0;
