-- When each segment was stored, so that it can be kept for so long; of those before, the last time that anything of their log was.
ALTER TABLE segments ADD COLUMN stored INTEGER NOT NULL DEFAULT 0;
UPDATE segments SET stored = coalesce((SELECT stored FROM logs WHERE logs.id = segments.log), 0);

-- Segments that others have taken the place of, by the names that they had, until their bytes are gone everywhere.
CREATE TABLE replaced (
    number INTEGER NOT NULL REFERENCES segments (number),
    name   TEXT    NOT NULL,
    PRIMARY KEY (number, name)
) STRICT, WITHOUT ROWID;
