-- People who were invited and are not in the roster yet, one invitation for each. Of its secret only the SHA-256 is known.
CREATE TABLE invitations (
    person     TEXT    PRIMARY KEY,
    secret     BLOB    NOT NULL UNIQUE CHECK (length(secret) = 32),
    roles      TEXT    NOT NULL,
    maker      TEXT    NOT NULL,
    made       INTEGER NOT NULL,
    until      INTEGER NOT NULL,
    -- What handed the key in, and that key's signature over it; neither until then.
    acceptance TEXT,
    signature  TEXT,
    CHECK ((acceptance IS NULL) = (signature IS NULL))
) STRICT, WITHOUT ROWID;
