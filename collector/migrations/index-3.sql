-- Texts of one or two characters. A row for each pair of characters and each 8,192 ids (number is id / 8192) among which it
-- stands in a command or reason; bit n is set where one of the 128 ids from 8192 * number + 128 * n on has it.
CREATE TABLE pairs (
    number INTEGER NOT NULL,
    pair   TEXT    NOT NULL,
    groups INTEGER NOT NULL,
    PRIMARY KEY (number, pair)
) STRICT, WITHOUT ROWID;

-- From which id on the program is to fill them in, for what was indexed before.
CREATE TABLE unpaired (next INTEGER NOT NULL) STRICT;
INSERT INTO unpaired (next) SELECT min(id) FROM entries HAVING count(*) > 0;
