-- The CA's tables. Times are seconds since 1970 (UTC); documents are the exact bytes that people signed.

-- Made once, by `daypass-ca init`.
CREATE TABLE genesis (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    pin         TEXT    NOT NULL,
    incarnation TEXT    NOT NULL
) STRICT;

-- The chain. Roster 1 stands here unsigned (signatures '[]') until an admin signs it.
CREATE TABLE rosters (
    number     INTEGER PRIMARY KEY CHECK (number > 0),
    roster     TEXT    NOT NULL,
    signatures TEXT    NOT NULL,
    taken      INTEGER NOT NULL
) STRICT;

CREATE TABLE windows (
    id         TEXT    PRIMARY KEY,
    hash       TEXT    NOT NULL UNIQUE,
    document   TEXT    NOT NULL,
    contractor TEXT    NOT NULL,
    starts     INTEGER NOT NULL,
    ends       INTEGER NOT NULL,
    submitted  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX windows_of_a_contractor ON windows (contractor, ends);
CREATE INDEX windows_by_end ON windows (ends);

-- Only statements that were taken; refused ones stand in the journal alone.
CREATE TABLE statements (
    seq       INTEGER PRIMARY KEY,
    "window"  TEXT    NOT NULL REFERENCES windows (id),
    verb      TEXT    NOT NULL,
    signer    TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    statement TEXT    NOT NULL,
    signature TEXT    NOT NULL,
    received  INTEGER NOT NULL,
    UNIQUE ("window", verb, signer)
) STRICT;

CREATE INDEX statements_by_verb ON statements (verb, "window");

-- A serial is in this table, durably, before its certificate exists anywhere else.
CREATE TABLE certificates (
    serial       INTEGER PRIMARY KEY CHECK (serial > 0),
    "window"     TEXT    NOT NULL REFERENCES windows (id),
    person       TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    host         TEXT    NOT NULL,
    account      TEXT    NOT NULL,
    valid_after  INTEGER NOT NULL,
    valid_before INTEGER NOT NULL,
    issued       INTEGER NOT NULL
) STRICT;

CREATE INDEX certificates_of_a_window ON certificates ("window");

-- Join tokens: the secret itself is kept nowhere.
CREATE TABLE tokens (
    secret  BLOB    PRIMARY KEY CHECK (length(secret) = 32),
    host    TEXT    NOT NULL,
    aliases TEXT    NOT NULL,
    groups  TEXT    NOT NULL,
    maker   TEXT    NOT NULL,
    expires INTEGER NOT NULL,
    used    INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE hosts (
    name        TEXT    PRIMARY KEY,
    aliases     TEXT    NOT NULL,
    groups      TEXT    NOT NULL,
    host_keys   TEXT    NOT NULL,
    record      TEXT    NOT NULL,
    signature   TEXT    NOT NULL,
    certificate BLOB    NOT NULL CHECK (length(certificate) = 32),
    renewed     BLOB    CHECK (length(renewed) = 32),
    enrolled    INTEGER NOT NULL,
    expires     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX hosts_by_certificate ON hosts (certificate);
CREATE UNIQUE INDEX hosts_by_renewed_certificate ON hosts (renewed);

-- Every name by which a host answers, so that no two hosts ever share one.
CREATE TABLE host_names (
    name TEXT PRIMARY KEY,
    host TEXT NOT NULL REFERENCES hosts (name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE host_groups (
    "group" TEXT NOT NULL,
    host    TEXT NOT NULL REFERENCES hosts (name) ON DELETE CASCADE,
    PRIMARY KEY ("group", host)
) STRICT, WITHOUT ROWID;

-- The number of the signed state: it rises when the content (its hash) changes, never falls.
CREATE TABLE states (
    only    INTEGER PRIMARY KEY CHECK (only = 1),
    number  INTEGER NOT NULL,
    content TEXT    NOT NULL
) STRICT;

-- Decisions that are committed here and not yet known to be in the journal.
CREATE TABLE pending_entries (
    id    INTEGER PRIMARY KEY,
    event TEXT    NOT NULL
) STRICT;
