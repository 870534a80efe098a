-- Segments whose bytes are known to be gone or to be others, and whether an alarm said so.
CREATE TABLE lost (
    number INTEGER PRIMARY KEY REFERENCES segments (number),
    name   TEXT    NOT NULL,
    code   TEXT    NOT NULL,
    told   INTEGER NOT NULL
) STRICT;

-- What is to be taken out of segments that were lost when it was said, once they are back; each a JSON object.
CREATE TABLE owed (
    number INTEGER NOT NULL REFERENCES segments (number),
    debt   TEXT    NOT NULL,
    PRIMARY KEY (number, debt)
) STRICT, WITHOUT ROWID;
