-- Statements that make a window smaller. Never removed.
CREATE TABLE narrowings (
    seq       INTEGER PRIMARY KEY,
    "window"  TEXT    NOT NULL REFERENCES windows (id),
    signer    TEXT    NOT NULL,
    narrowing TEXT    NOT NULL UNIQUE,
    signature TEXT    NOT NULL,
    received  INTEGER NOT NULL
) STRICT;

CREATE INDEX narrowings_of_a_window ON narrowings ("window");
