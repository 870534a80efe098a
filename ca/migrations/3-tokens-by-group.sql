-- A token may let machines name themselves (no host), and serve several times.
CREATE TABLE tokens_that_serve (
    secret    BLOB    PRIMARY KEY CHECK (length(secret) = 32),
    host      TEXT,
    aliases   TEXT    NOT NULL,
    groups    TEXT    NOT NULL,
    maker     TEXT    NOT NULL,
    expires   INTEGER NOT NULL,
    uses      INTEGER NOT NULL CHECK (uses > 0),
    used      INTEGER NOT NULL CHECK (used BETWEEN 0 AND uses),
    last_used INTEGER
) STRICT, WITHOUT ROWID;

INSERT INTO tokens_that_serve (secret, host, aliases, groups, maker, expires, uses, used, last_used)
SELECT secret, host, aliases, groups, maker, expires, 1, used IS NOT NULL, used FROM tokens;

DROP TABLE tokens;
ALTER TABLE tokens_that_serve RENAME TO tokens;
CREATE INDEX tokens_by_host ON tokens (host);
