-- Nonces of requests that were accepted, until their time can be accepted no more.
CREATE TABLE nonces (
    nonce   BLOB    PRIMARY KEY CHECK (length(nonce) = 16),
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX nonces_by_expiry ON nonces (expires);
