-- Search. Everything here is made from the segments; `daypass-collector reindex` makes it again.
CREATE TABLE taken (
    only   INTEGER PRIMARY KEY CHECK (only = 1),
    number INTEGER NOT NULL
) STRICT;
INSERT INTO taken VALUES (1, 0);

CREATE TABLE entries (
    segment INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    origin  TEXT    NOT NULL,
    time    INTEGER NOT NULL,
    host    TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    person  TEXT    NOT NULL,
    account TEXT    NOT NULL,
    target  TEXT    NOT NULL,
    "window" TEXT   NOT NULL,
    -- Bytes, so that they are compared as bytes.
    reason  BLOB    NOT NULL,
    command BLOB    NOT NULL,
    line    TEXT    NOT NULL,
    PRIMARY KEY (segment, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX entries_by_time ON entries (time, origin, seq);
CREATE INDEX entries_by_host ON entries (host, time, origin, seq);
CREATE INDEX entries_by_person ON entries (person, time, origin, seq) WHERE person <> '';
CREATE INDEX entries_by_account ON entries (account, time, origin, seq) WHERE account <> '';
CREATE INDEX entries_by_target ON entries (target, time, origin, seq) WHERE target <> '';
CREATE INDEX entries_by_window ON entries ("window", time, origin, seq) WHERE "window" <> '';
CREATE INDEX entries_by_action ON entries (action, time, origin, seq);
