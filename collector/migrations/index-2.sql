-- Text search, sessions, outcomes and serials. What is indexed already waits in `carried`, and is filled in from its lines by the
-- program, which reads them as it reads new ones.
ALTER TABLE entries RENAME TO carried;
DROP INDEX entries_by_time;
DROP INDEX entries_by_host;
DROP INDEX entries_by_person;
DROP INDEX entries_by_account;
DROP INDEX entries_by_target;
DROP INDEX entries_by_window;
DROP INDEX entries_by_action;

CREATE TABLE entries (
    -- In the order of arrival, which is that of (segment, seq).
    id      INTEGER PRIMARY KEY,
    segment INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    time    INTEGER NOT NULL,
    origin  TEXT    NOT NULL,
    host    TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    outcome TEXT    NOT NULL,
    person  TEXT    NOT NULL,
    account TEXT    NOT NULL,
    target  TEXT    NOT NULL,
    "window" TEXT   NOT NULL,
    serial  TEXT    NOT NULL,
    session TEXT    NOT NULL,
    -- Bytes, so that they are compared as bytes.
    reason  BLOB    NOT NULL,
    command BLOB    NOT NULL,
    line    TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX entries_by_arrival ON entries (segment, seq);
CREATE INDEX entries_by_time ON entries (time);
CREATE INDEX entries_by_host ON entries (host, time);
CREATE INDEX entries_by_action ON entries (action, time);
CREATE INDEX entries_by_person ON entries (person, time) WHERE person <> '';
CREATE INDEX entries_by_account ON entries (account, time) WHERE account <> '';
CREATE INDEX entries_by_target ON entries (target, time) WHERE target <> '';
CREATE INDEX entries_by_window ON entries ("window", time) WHERE "window" <> '';
CREATE INDEX entries_by_session ON entries (session, time) WHERE session <> '';

-- Which pieces of three characters stand in an entry's command and reason. It only proposes: what is found is compared
-- with the bytes. The text itself is not stored a second time.
CREATE VIRTUAL TABLE texts USING fts5 (
    text, content = '', detail = none, columnsize = 0, tokenize = 'trigram case_sensitive 1'
);
INSERT INTO texts (texts, rank) VALUES ('secure-delete', 1);

-- Between which times the entries of 16,384 ids each lie: ids follow arrival, which is nearly, but not always, that of time.
CREATE TABLE blocks (
    number   INTEGER PRIMARY KEY,
    earliest INTEGER NOT NULL,
    latest   INTEGER NOT NULL
) STRICT;

-- How each session stands. Times are microseconds since 1970 (UTC).
CREATE TABLE sessions (
    origin  TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    host    TEXT    NOT NULL,
    seq     INTEGER NOT NULL,
    opened  INTEGER NOT NULL,
    boot    TEXT    NOT NULL,
    service TEXT    NOT NULL,
    person  TEXT    NOT NULL,
    account TEXT    NOT NULL,
    "window" TEXT   NOT NULL,
    serial  TEXT    NOT NULL,
    address TEXT    NOT NULL,
    -- A JSON array of names.
    approvers TEXT  NOT NULL,
    closes  INTEGER,
    -- All NULL while it goes on.
    how      TEXT,
    ended_by INTEGER,
    ended    INTEGER,
    PRIMARY KEY (origin, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_id ON sessions (id);
CREATE INDEX sessions_open ON sessions (opened, origin, id) WHERE how IS NULL;
CREATE INDEX sessions_open_by_log ON sessions (origin) WHERE how IS NULL;
