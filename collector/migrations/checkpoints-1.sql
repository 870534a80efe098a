-- The truth about each log. Times are microseconds since 1970 (UTC); documents are the exact bytes that were signed.
CREATE TABLE logs (
    id         INTEGER PRIMARY KEY,
    origin     TEXT    NOT NULL UNIQUE,
    record     TEXT    NOT NULL,
    signature  TEXT    NOT NULL,
    registered INTEGER NOT NULL,
    -- The latest checkpoint: compared and set as one. NULL in seal and below before the first lines came.
    size       INTEGER NOT NULL,
    root       BLOB    NOT NULL CHECK (length(root) = 32),
    seal       TEXT,
    follower   TEXT,
    stored     INTEGER
) STRICT;

-- The segments that lead to the checkpoints, numbered in the order of their commits.
CREATE TABLE segments (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    log    INTEGER NOT NULL REFERENCES logs (id),
    first  INTEGER NOT NULL,
    size   INTEGER NOT NULL CHECK (size > first),
    name   TEXT    NOT NULL,
    UNIQUE (log, size)
) STRICT;
