-- Everything starts with the organisation. Times are microseconds since the epoch.
-- `mac` columns: see macs.rs for what each covers.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keyring (
    id         INTEGER PRIMARY KEY,
    state      TEXT NOT NULL,
    wrapped    BLOB NOT NULL,
    check_blob BLOB NOT NULL
) STRICT;

CREATE TABLE organisations (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
    org        TEXT NOT NULL REFERENCES organisations,
    id         TEXT NOT NULL,
    label      TEXT NOT NULL,
    role       TEXT NOT NULL CHECK (role IN ('viewer', 'policy_manager', 'admin')),
    token_id   TEXT NOT NULL UNIQUE,
    hash       BLOB NOT NULL CHECK (length(hash) = 32),
    pepper     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    mac        BLOB NOT NULL,
    PRIMARY KEY (org, id)
) STRICT;

CREATE TABLE servers (
    org             TEXT NOT NULL REFERENCES organisations,
    id              TEXT NOT NULL UNIQUE,
    slug            TEXT NOT NULL,
    name            TEXT NOT NULL,
    url             TEXT NOT NULL,
    private_targets TEXT NOT NULL,
    on_tool_change  TEXT NOT NULL CHECK (on_tool_change IN ('deny', 'hide', 'allow')),
    enabled         INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    version         TEXT,
    health          TEXT,
    probed_at       INTEGER,
    revision        INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    mac             BLOB NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, slug)
) STRICT;

CREATE TABLE tools (
    org                  TEXT NOT NULL,
    server               TEXT NOT NULL,
    name                 TEXT NOT NULL,
    definition           BLOB NOT NULL,
    fingerprint          TEXT NOT NULL,
    accepted_definition  BLOB,
    accepted_fingerprint TEXT,
    withheld             TEXT,
    first_seen_at        INTEGER NOT NULL,
    changed_at           INTEGER NOT NULL,
    present              INTEGER NOT NULL CHECK (present IN (0, 1)),
    mac                  BLOB NOT NULL,
    PRIMARY KEY (org, server, name),
    FOREIGN KEY (org, server) REFERENCES servers (org, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE credentials (
    org        TEXT NOT NULL,
    id         TEXT NOT NULL,
    server     TEXT NOT NULL,
    generation INTEGER NOT NULL CHECK (generation > 0),
    set_at     INTEGER NOT NULL,
    mac        BLOB NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, server),
    FOREIGN KEY (org, server) REFERENCES servers (org, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE credential_headers (
    org        TEXT NOT NULL,
    credential TEXT NOT NULL,
    place      INTEGER NOT NULL,
    name       TEXT NOT NULL,
    sealed     BLOB NOT NULL,
    PRIMARY KEY (org, credential, name),
    FOREIGN KEY (org, credential) REFERENCES credentials (org, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE policies (
    org        TEXT NOT NULL REFERENCES organisations,
    id         TEXT NOT NULL,
    name       TEXT NOT NULL,
    server     TEXT,
    latest     INTEGER NOT NULL CHECK (latest >= 0),
    created_at INTEGER NOT NULL,
    mac        BLOB NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, name),
    FOREIGN KEY (org, server) REFERENCES servers (org, id)
) STRICT;
CREATE INDEX policies_server ON policies (org, server) WHERE server IS NOT NULL;

CREATE TABLE policy_versions (
    org          TEXT NOT NULL,
    policy       TEXT NOT NULL,
    number       INTEGER NOT NULL CHECK (number > 0),
    text         BLOB NOT NULL,
    cases        BLOB,
    author       TEXT NOT NULL,
    note         TEXT NOT NULL,
    published_at INTEGER NOT NULL,
    mac          BLOB NOT NULL,
    PRIMARY KEY (org, policy, number),
    FOREIGN KEY (org, policy) REFERENCES policies (org, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE grants (
    org           TEXT NOT NULL REFERENCES organisations,
    id            TEXT NOT NULL,
    label         TEXT NOT NULL,
    identity      TEXT NOT NULL,
    tags          TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('active', 'paused', 'revoked')),
    not_before    INTEGER,
    expires_at    INTEGER,
    in_flight_max INTEGER NOT NULL CHECK (in_flight_max > 0),
    generation    INTEGER NOT NULL CHECK (generation > 0),
    revision      INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    mac           BLOB NOT NULL,
    PRIMARY KEY (org, id)
) STRICT;
CREATE UNIQUE INDEX grants_living_label ON grants (org, label) WHERE state <> 'revoked';

CREATE TABLE grant_tokens (
    org         TEXT NOT NULL,
    grant_id    TEXT NOT NULL,
    generation  INTEGER NOT NULL,
    token_id    TEXT NOT NULL UNIQUE,
    hash        BLOB NOT NULL CHECK (length(hash) = 32),
    pepper      INTEGER NOT NULL,
    valid_until INTEGER,
    created_at  INTEGER NOT NULL,
    mac         BLOB NOT NULL,
    PRIMARY KEY (org, grant_id, generation),
    FOREIGN KEY (org, grant_id) REFERENCES grants (org, id)
) STRICT;

CREATE TABLE attachments (
    org      TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    server   TEXT NOT NULL,
    policy   TEXT,
    place    INTEGER NOT NULL,
    mac      BLOB NOT NULL,
    PRIMARY KEY (org, grant_id, server),
    FOREIGN KEY (org, grant_id) REFERENCES grants (org, id),
    FOREIGN KEY (org, server) REFERENCES servers (org, id),
    FOREIGN KEY (org, policy) REFERENCES policies (org, id)
) STRICT;
CREATE INDEX attachments_server ON attachments (org, server);
CREATE INDEX attachments_policy ON attachments (org, policy) WHERE policy IS NOT NULL;

-- When each grant was last used. Apart from `grants`, because calls write it and people do not.
CREATE TABLE grant_activity (
    org          TEXT NOT NULL,
    grant_id     TEXT NOT NULL,
    last_call_at INTEGER NOT NULL,
    PRIMARY KEY (org, grant_id)
) STRICT, WITHOUT ROWID;

-- The call log. What repeats from call to call stands once in `call_shapes`; a line is then two
-- small rows, each written once and never changed. No foreign keys here: the one writer keeps
-- them true, and each would cost a look-up per call.
CREATE TABLE call_shapes (
    id               INTEGER PRIMARY KEY,
    org              TEXT NOT NULL,
    grant_id         TEXT NOT NULL,
    grant_label      TEXT NOT NULL,
    identity         TEXT NOT NULL,
    token_generation INTEGER NOT NULL,
    server_id        TEXT NOT NULL,
    server_slug      TEXT NOT NULL,
    version          TEXT NOT NULL,
    method           TEXT NOT NULL,
    tool             TEXT,
    fingerprint      TEXT,
    policy_id        TEXT,
    policy_version   INTEGER,
    verdict          TEXT NOT NULL CHECK (verdict IN ('allowed', 'held', 'denied')),
    rule             TEXT NOT NULL,
    reason           TEXT NOT NULL,
    known_args       TEXT NOT NULL,
    unknown_args     INTEGER NOT NULL,
    charged          TEXT NOT NULL
) STRICT;

CREATE TABLE calls (
    idx           INTEGER PRIMARY KEY,
    id            BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    at            INTEGER NOT NULL,
    shape         INTEGER NOT NULL,
    request_bytes INTEGER NOT NULL,
    count         INTEGER NOT NULL CHECK (count > 0)
) STRICT;

CREATE TABLE outcomes (
    idx             INTEGER PRIMARY KEY,
    at              INTEGER NOT NULL,
    class           TEXT NOT NULL,
    detail          TEXT NOT NULL,
    upstream_status INTEGER,
    response_bytes  INTEGER NOT NULL,
    took_micros     INTEGER NOT NULL,
    upstream_micros INTEGER NOT NULL,
    echo_removed    INTEGER NOT NULL CHECK (echo_removed IN (0, 1))
) STRICT;

CREATE TABLE stranger_refusals (
    idx          INTEGER PRIMARY KEY AUTOINCREMENT,
    minute       INTEGER NOT NULL,
    address      TEXT NOT NULL,
    reason       TEXT NOT NULL,
    token_prefix TEXT,
    count        INTEGER NOT NULL,
    UNIQUE (minute, address, reason)
) STRICT;

CREATE TABLE audit_events (
    idx     INTEGER PRIMARY KEY AUTOINCREMENT,
    org     TEXT NOT NULL REFERENCES organisations,
    at      INTEGER NOT NULL,
    key     TEXT,
    name    TEXT NOT NULL,
    address TEXT,
    event   TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT NOT NULL
) STRICT;
CREATE INDEX audit_events_org ON audit_events (org, idx);

CREATE TABLE idempotency (
    org     TEXT NOT NULL,
    actor   TEXT NOT NULL,
    key     TEXT NOT NULL,
    request BLOB NOT NULL CHECK (length(request) = 32),
    status  INTEGER NOT NULL,
    body    TEXT NOT NULL,
    kept_at INTEGER NOT NULL,
    PRIMARY KEY (org, actor, key)
) STRICT;
CREATE INDEX idempotency_kept_at ON idempotency (kept_at);

-- The quota ledger: the rows of `quota::Ledger`. A counter's key holds values of arguments, so it
-- is sealed, and everything else names it by number. Amounts are millionths.
CREATE TABLE quota_mark (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE quota_counters (
    id     INTEGER PRIMARY KEY,
    sealed BLOB NOT NULL,
    seen   BLOB NOT NULL
) STRICT;

CREATE TABLE quota_buckets (
    counter INTEGER NOT NULL,
    start   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    settled INTEGER NOT NULL CHECK (settled >= 0),
    held    INTEGER NOT NULL CHECK (held >= 0),
    unknown INTEGER NOT NULL CHECK (unknown >= 0),
    PRIMARY KEY (counter, start)
) STRICT, WITHOUT ROWID;

CREATE TABLE quota_reservations (
    call   BLOB PRIMARY KEY CHECK (length(call) = 16),
    at     INTEGER NOT NULL,
    closed INTEGER,
    holds  BLOB NOT NULL
) STRICT, WITHOUT ROWID;
