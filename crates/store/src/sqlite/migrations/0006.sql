-- Signing in: what proves who somebody is, and the sessions that remember it.
-- `mac` columns: see keys.rs. Passwords and client secrets are sealed to their row.

-- A hash, sealed: whoever has only the database cannot try passwords on it.
CREATE TABLE passwords (
    org        TEXT NOT NULL,
    member     TEXT NOT NULL,
    generation INTEGER NOT NULL CHECK (generation > 0),
    sealed     BLOB NOT NULL,
    set_at     INTEGER NOT NULL,
    PRIMARY KEY (org, member),
    FOREIGN KEY (org, member) REFERENCES members (org, id)
) STRICT;

CREATE TABLE passkeys (
    org           TEXT NOT NULL,
    id            TEXT NOT NULL,
    member        TEXT NOT NULL,
    label         TEXT NOT NULL,
    credential_id BLOB NOT NULL,
    public_key    BLOB NOT NULL,
    counter       INTEGER NOT NULL CHECK (counter >= 0),
    backed_up     INTEGER NOT NULL CHECK (backed_up IN (0, 1)),
    created_at    INTEGER NOT NULL,
    used_at       INTEGER,
    mac           BLOB NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, credential_id),
    FOREIGN KEY (org, member) REFERENCES members (org, id)
) STRICT;
CREATE INDEX passkeys_member ON passkeys (org, member);

CREATE TABLE providers (
    org             TEXT NOT NULL REFERENCES organisations,
    id              TEXT NOT NULL,
    slug            TEXT NOT NULL,
    name            TEXT NOT NULL,
    issuer          TEXT NOT NULL,
    client_id       TEXT NOT NULL,
    private_targets TEXT NOT NULL,
    scopes          TEXT NOT NULL,
    groups_claim    TEXT NOT NULL,
    roles           TEXT NOT NULL,
    groups          TEXT NOT NULL,
    default_role    TEXT CHECK (default_role IN ('viewer', 'policy_manager', 'admin')),
    trust_email     INTEGER NOT NULL CHECK (trust_email IN (0, 1)),
    enabled         INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    secret          BLOB,
    generation      INTEGER NOT NULL CHECK (generation > 0),
    revision        INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    mac             BLOB NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, slug)
) STRICT;

-- Whom a provider knows by what.
CREATE TABLE identities (
    org      TEXT NOT NULL,
    provider TEXT NOT NULL,
    subject  TEXT NOT NULL,
    member   TEXT NOT NULL,
    mac      BLOB NOT NULL,
    PRIMARY KEY (org, provider, subject),
    FOREIGN KEY (org, provider) REFERENCES providers (org, id) ON DELETE CASCADE,
    FOREIGN KEY (org, member) REFERENCES members (org, id)
) STRICT;
CREATE INDEX identities_member ON identities (org, member);

CREATE TABLE sessions (
    org        TEXT NOT NULL,
    id         TEXT NOT NULL,
    member     TEXT NOT NULL,
    method     TEXT NOT NULL CHECK (method IN ('password', 'passkey', 'provider')),
    token_id   TEXT NOT NULL UNIQUE,
    hash       BLOB NOT NULL CHECK (length(hash) = 32),
    pepper     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    proved_at  INTEGER NOT NULL,
    -- Not under the MAC: it is written often, and only ever shortens a session.
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    address    TEXT,
    agent      TEXT,
    mac        BLOB NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, member) REFERENCES members (org, id)
) STRICT;
CREATE INDEX sessions_member ON sessions (org, member);

-- At most one open link a member: the first admin's, or that of somebody who lost their way in.
CREATE TABLE setups (
    org        TEXT NOT NULL,
    member     TEXT NOT NULL,
    token_id   TEXT NOT NULL UNIQUE,
    hash       BLOB NOT NULL CHECK (length(hash) = 32),
    pepper     INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    mac        BLOB NOT NULL,
    PRIMARY KEY (org, member),
    FOREIGN KEY (org, member) REFERENCES members (org, id)
) STRICT;
