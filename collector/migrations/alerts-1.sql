-- Alerts and what is to be delivered of them. Times are microseconds since 1970 (UTC) by the collector's clock.
CREATE TABLE place (
    only    INTEGER PRIMARY KEY CHECK (only = 1),
    segment INTEGER NOT NULL,
    into_it INTEGER NOT NULL
) STRICT;

-- What rules that count have counted: a JSON list of microseconds.
CREATE TABLE bursts (
    rule    TEXT NOT NULL,
    counted TEXT NOT NULL,
    times   TEXT NOT NULL,
    PRIMARY KEY (rule, counted)
) STRICT, WITHOUT ROWID;

CREATE TABLE alerts (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT    NOT NULL UNIQUE,
    rule     TEXT    NOT NULL,
    subject  TEXT    NOT NULL,
    severity INTEGER NOT NULL,
    raised   INTEGER NOT NULL,
    -- Until then the same is counted and not told.
    quiet    INTEGER NOT NULL,
    count    INTEGER NOT NULL,
    -- How many of them people were told of.
    told     INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    document TEXT    NOT NULL
) STRICT;
CREATE INDEX alerts_by_subject ON alerts (rule, subject, number);
CREATE INDEX alerts_to_repeat ON alerts (quiet) WHERE count > told;

-- One row for each letter: an alert for one destination.
CREATE TABLE letters (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    alert       INTEGER NOT NULL REFERENCES alerts (number) ON DELETE CASCADE,
    destination TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
    queued      INTEGER NOT NULL,
    due         INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    changed     INTEGER NOT NULL,
    error       TEXT
) STRICT;
CREATE INDEX letters_due ON letters (destination, due) WHERE state = 'waiting';
CREATE INDEX letters_dead ON letters (number) WHERE state = 'dead';
CREATE INDEX letters_by_alert ON letters (alert);
