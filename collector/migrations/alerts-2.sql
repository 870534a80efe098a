-- The most severe first: each letter knows how severe its alert is.
ALTER TABLE letters ADD COLUMN severity INTEGER NOT NULL DEFAULT 0;
UPDATE letters SET severity = coalesce((SELECT severity FROM alerts WHERE alerts.number = letters.alert), 0);
DROP INDEX letters_due;
CREATE INDEX letters_due ON letters (destination, severity, due) WHERE state = 'waiting';
