-- Watching a candidate of a policy: it judges live calls beside the live version and enforces nothing.
-- None of this is evidence. `mac` columns: see keys.rs.

-- At most one candidate a policy, with a copy of its text: what is watched does not change.
CREATE TABLE policy_watches (
    org        TEXT NOT NULL,
    policy     TEXT NOT NULL,
    id         TEXT NOT NULL UNIQUE,
    text       BLOB NOT NULL,
    note       TEXT NOT NULL,
    -- The version that was live when it began.
    base       INTEGER NOT NULL CHECK (base > 0),
    author     TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL CHECK (ends_at > started_at),
    -- When it was stopped, or another version was published.
    ended_at   INTEGER,
    mac        BLOB NOT NULL,
    -- Not under the MAC: calls that were carried and not judged here.
    missed     INTEGER NOT NULL DEFAULT 0 CHECK (missed >= 0),
    PRIMARY KEY (org, policy),
    FOREIGN KEY (org, policy) REFERENCES policies (org, id) ON DELETE CASCADE
) STRICT;

-- How often both said what.
CREATE TABLE watch_tallies (
    watch          TEXT NOT NULL REFERENCES policy_watches (id) ON DELETE CASCADE,
    tool           TEXT NOT NULL,
    live           TEXT NOT NULL CHECK (live IN ('allowed', 'held', 'denied')),
    live_rule      TEXT NOT NULL,
    candidate      TEXT NOT NULL CHECK (candidate IN ('allowed', 'held', 'denied')),
    candidate_rule TEXT NOT NULL,
    count          INTEGER NOT NULL CHECK (count > 0),
    first_at       INTEGER NOT NULL,
    last_at        INTEGER NOT NULL,
    PRIMARY KEY (watch, tool, live, live_rule, candidate, candidate_rule)
) STRICT;

-- The newest calls, each with what both said of it. Names of tools and rules, never a value.
CREATE TABLE watch_calls (
    idx            INTEGER PRIMARY KEY AUTOINCREMENT,
    watch          TEXT NOT NULL REFERENCES policy_watches (id) ON DELETE CASCADE,
    call           BLOB NOT NULL CHECK (length(call) = 16),
    at             INTEGER NOT NULL,
    grant_id       TEXT NOT NULL,
    grant_label    TEXT NOT NULL,
    tool           TEXT NOT NULL,
    live           TEXT NOT NULL,
    live_rule      TEXT NOT NULL,
    live_version   INTEGER NOT NULL,
    candidate      TEXT NOT NULL,
    candidate_rule TEXT NOT NULL,
    reason         TEXT NOT NULL,
    differs        INTEGER NOT NULL CHECK (differs IN (0, 1))
) STRICT;
CREATE INDEX watch_calls_watch ON watch_calls (watch, differs, idx);
