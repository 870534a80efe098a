-- Revocations of more than one window: of a person, a key, a certificate, a host. Never removed.
CREATE TABLE revocations (
    seq        INTEGER PRIMARY KEY,
    revocation TEXT    NOT NULL UNIQUE,
    signature  TEXT    NOT NULL,
    verb       TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    signer     TEXT    NOT NULL,
    expires    INTEGER NOT NULL,
    received   INTEGER NOT NULL
) STRICT;

CREATE INDEX revocations_by_expiry ON revocations (expires);
