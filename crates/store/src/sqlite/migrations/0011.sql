-- The sign-off that a call used up: in its entry, so that nobody can give a call another one.
ALTER TABLE calls ADD COLUMN approval TEXT;

-- What witnesses have cosigned. Each is a line of a signed note, and proves itself.
CREATE TABLE log_cosignatures (
    size    INTEGER NOT NULL,
    witness TEXT NOT NULL,
    at      INTEGER NOT NULL,
    line    TEXT NOT NULL,
    PRIMARY KEY (size, witness)
) STRICT, WITHOUT ROWID;
