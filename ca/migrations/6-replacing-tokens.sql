-- A token may be for a machine that takes the place of an enrolled host.
ALTER TABLE tokens ADD COLUMN replaces INTEGER NOT NULL DEFAULT 0 CHECK (replaces IN (0, 1));

-- Hosts whose place another machine took: their SSH keys are on the list of what counts no more while certificates of them may
-- be about.
CREATE TABLE former_hosts (
    seq       INTEGER PRIMARY KEY,
    name      TEXT    NOT NULL,
    host_keys TEXT    NOT NULL,
    replaced  INTEGER NOT NULL
) STRICT;

CREATE INDEX former_hosts_by_end ON former_hosts (replaced);
