-- Two client certificates of a host may be about: the current one, and the renewed one until it is first used. Each has its end.
ALTER TABLE hosts ADD COLUMN renewed_expires INTEGER;

-- Until now the end stood in `expires` where a host had renewed, and nowhere where it had come back.
UPDATE hosts
SET renewed_expires = CASE WHEN expires > unixepoch() THEN expires ELSE unixepoch() + 30 * 86400 END
WHERE renewed IS NOT NULL;

-- After a restore nobody knows whether a host has another client certificate by now: until it shows one that is known, it can come
-- back by its SSH host key.
ALTER TABLE hosts ADD COLUMN unconfirmed INTEGER NOT NULL DEFAULT 0 CHECK (unconfirmed IN (0, 1));
