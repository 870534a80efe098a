-- How far each export is: behind which entry everything was confirmed. Times are microseconds since 1970 (UTC).
CREATE TABLE places (
    name      TEXT PRIMARY KEY,
    segment   INTEGER NOT NULL,
    into_it   INTEGER NOT NULL,
    -- Entries that the receiver confirmed, in all.
    confirmed INTEGER NOT NULL,
    changed   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
