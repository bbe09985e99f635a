-- OAuth towards upstreams: the client that a credential is, and the connections that hold tokens.
-- `mac` columns: see keys.rs. Secrets and tokens are sealed to their row.

CREATE TABLE oauth_clients (
    org                    TEXT NOT NULL,
    credential             TEXT NOT NULL,
    grant_type             TEXT NOT NULL
        CHECK (grant_type IN ('authorization_code', 'client_credentials')),
    per_identity           INTEGER NOT NULL CHECK (per_identity IN (0, 1)),
    issuer                 TEXT NOT NULL,
    authorization_endpoint TEXT,
    token_endpoint         TEXT NOT NULL,
    says_issuer            INTEGER NOT NULL CHECK (says_issuer IN (0, 1)),
    resource               TEXT NOT NULL,
    scopes                 TEXT NOT NULL,
    client_id              TEXT NOT NULL,
    auth_method            TEXT NOT NULL,
    redirect_uri           TEXT NOT NULL,
    secret                 BLOB,
    mac                    BLOB NOT NULL,
    PRIMARY KEY (org, credential),
    FOREIGN KEY (org, credential) REFERENCES credentials (org, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE oauth_connections (
    org          TEXT NOT NULL,
    credential   TEXT NOT NULL,
    -- Whose account: an identity of grants, or empty for the one that all share.
    identity     TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('connected', 'reconnect')),
    reason       TEXT NOT NULL,
    generation   INTEGER NOT NULL CHECK (generation >= 0),
    access       BLOB,
    refresh      BLOB,
    scopes       TEXT NOT NULL,
    expires_at   INTEGER,
    refresh_at   INTEGER,
    connected_by TEXT NOT NULL,
    connected_at INTEGER NOT NULL,
    -- Whose turn it is to refresh, and until when. Not under the MAC: it makes nobody believe anything.
    lease        TEXT,
    lease_until  INTEGER NOT NULL,
    mac          BLOB NOT NULL,
    PRIMARY KEY (org, credential, identity),
    FOREIGN KEY (org, credential) REFERENCES oauth_clients (org, credential) ON DELETE CASCADE
) STRICT;
