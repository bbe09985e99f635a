-- Which arguments of a tool are amounts in minor units, as an administrator declared of one definition of it.
-- `mac` columns: see keys.rs.

CREATE TABLE tool_amounts (
    org         TEXT NOT NULL,
    server      TEXT NOT NULL,
    tool        TEXT NOT NULL,
    -- The definition it was declared of; it says nothing of another one.
    fingerprint TEXT NOT NULL,
    -- The arguments, as a JSON list.
    amounts     TEXT NOT NULL,
    mac         BLOB NOT NULL,
    PRIMARY KEY (org, server, tool),
    FOREIGN KEY (org, server) REFERENCES servers (org, id) ON DELETE CASCADE
) STRICT;
