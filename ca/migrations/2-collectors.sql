-- Where journals are forwarded to; the signed state names them.
CREATE TABLE collectors (
    url         TEXT    PRIMARY KEY,
    names       TEXT    NOT NULL,
    witness     TEXT    NOT NULL,
    certificate BLOB    NOT NULL CHECK (length(certificate) = 32),
    renewed     BLOB    CHECK (length(renewed) = 32),
    added       INTEGER NOT NULL,
    expires     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX collectors_by_certificate ON collectors (certificate);
CREATE UNIQUE INDEX collectors_by_renewed_certificate ON collectors (renewed);

-- The enrolment record of the CA's own journal, made once: collectors know it by its bytes.
CREATE TABLE own_record (
    only      INTEGER PRIMARY KEY CHECK (only = 1),
    record    TEXT    NOT NULL,
    signature TEXT    NOT NULL
) STRICT;
