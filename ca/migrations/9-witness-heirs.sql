-- The key that comes after a collector's own, while that is being renewed.
ALTER TABLE collectors ADD COLUMN heir TEXT;

-- Keys that collectors cosigned with once. Trust files name them for ever, so that what they cosigned stays proven.
CREATE TABLE former_witnesses (
    witness TEXT PRIMARY KEY,
    url     TEXT NOT NULL,
    -- What took its place; none where the collector was removed.
    heir    TEXT
) STRICT, WITHOUT ROWID;
