-- Certificates are recorded by the journal first. What its entries before this number say of certificates is in the table, durably;
-- the others are held against it at each start.
CREATE TABLE journalled (
    only  INTEGER PRIMARY KEY CHECK (only = 1),
    up_to INTEGER NOT NULL
) STRICT;
