-- A database of schema 1 with its data, as the program of that schema left it.
PRAGMA foreign_keys = OFF;
PRAGMA user_version = 1;
CREATE TABLE certificates (
    serial       INTEGER PRIMARY KEY CHECK (serial > 0),
    "window"     TEXT    NOT NULL REFERENCES windows (id),
    person       TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    host         TEXT    NOT NULL,
    account      TEXT    NOT NULL,
    valid_after  INTEGER NOT NULL,
    valid_before INTEGER NOT NULL,
    issued       INTEGER NOT NULL
) STRICT;
INSERT INTO "certificates" VALUES(1015380544057519468,'w-01m886jg4rpn3408dhn0h20bw2','carl','SHA256:6eJZGAxw7/TWgoHl6swcsnkqH+J7DE5C4l8Vl5cS/tQ','db1','deploy',1795571610,1795575270,1795571670);
CREATE TABLE genesis (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    pin         TEXT    NOT NULL,
    incarnation TEXT    NOT NULL
) STRICT;
INSERT INTO "genesis" VALUES(1,'a8e7378e7ddffdafb3099ae3fbf529ba361f33c09c9f160273ca4186d3bdacff','8b1da661f5082c1e');
CREATE TABLE host_groups (
    "group" TEXT NOT NULL,
    host    TEXT NOT NULL REFERENCES hosts (name) ON DELETE CASCADE,
    PRIMARY KEY ("group", host)
) STRICT, WITHOUT ROWID;
INSERT INTO "host_groups" VALUES('db-prod','db1');
CREATE TABLE host_names (
    name TEXT PRIMARY KEY,
    host TEXT NOT NULL REFERENCES hosts (name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "host_names" VALUES('db1','db1');
INSERT INTO "host_names" VALUES('db1.example','db1');
CREATE TABLE hosts (
    name        TEXT    PRIMARY KEY,
    aliases     TEXT    NOT NULL,
    groups      TEXT    NOT NULL,
    host_keys   TEXT    NOT NULL,
    record      TEXT    NOT NULL,
    signature   TEXT    NOT NULL,
    certificate BLOB    NOT NULL CHECK (length(certificate) = 32),
    renewed     BLOB    CHECK (length(renewed) = 32),
    enrolled    INTEGER NOT NULL,
    expires     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "hosts" VALUES('db1','["db1.example"]','["db-prod"]','["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMuE0eGdEcxjkF+RqEcVt6fPO/8nUOVLuVgNiuZV8zWu"]','{"v":1,"ca":"a8e7378e7ddffdafb3099ae3fbf529ba361f33c09c9f160273ca4186d3bdacff","host":"db1","aliases":["db1.example"],"groups":["db-prod"],"incarnation":"0123456789abcdef","origin":"daypass/a8e7378e7ddffdaf/host/db1/0123456789abcdef","log_key":"daypass/a8e7378e7ddffdaf/host/db1/0123456789abcdef+00112233+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","epoch_key":"daypass/a8e7378e7ddffdaf/host/db1/0123456789abcdef/epoch/0+00112233+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","time":"2026-11-25T01:54:14Z"}','-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgbRwGmx23k1+SI+TmGzZfghV2H/
EIOhPFZ/nE6xrxkKkAAAAUZGF5cGFzcy1lbnJvbG1lbnRAdjEAAAAAAAAABnNoYTUxMgAA
AFMAAAALc3NoLWVkMjU1MTkAAABAZcZmWQy6twy0SMbl5bhMm0jCFTB4g51frcdfmHBQtO
Cyx5ofY0iVH+hxpCIt80plha7PoNKeiWRlrzyaMDpdDQ==
-----END SSH SIGNATURE-----
',X'27A2E6983AB369AAB5C6362AF6A8E753B3F67F1BA6F8BC87057856AF5A1882D5',NULL,1795571654,1798163654);
CREATE TABLE pending_entries (
    id    INTEGER PRIMARY KEY,
    event TEXT    NOT NULL
) STRICT;
CREATE TABLE rosters (
    number     INTEGER PRIMARY KEY CHECK (number > 0),
    roster     TEXT    NOT NULL,
    signatures TEXT    NOT NULL,
    taken      INTEGER NOT NULL
) STRICT;
INSERT INTO "rosters" VALUES(1,'{"v":1,"number":1,"time":"2026-11-25T01:52:58Z","people":[{"name":"ada","roles":["admin"],"keys":["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDpPPlNovlTvsvqAGRTB+6uVwuoGQT8UEi1F4FskCtLi"]}],"recovery":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOuq4AGqq3h0SOylz+an2AYP3xkYLeBhM9jlFicOHFJ4","policy":{"approvals":1,"roster_signatures":1,"max_window":2592000,"max_certificate_ttl":3600}}','["-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgOk8+U2i+VO+y+oAZFMH7q5XC6g\nZBPxQSLUXgWyQK0uIAAAARZGF5cGFzcy1yb3N0ZXJAdjEAAAAAAAAABnNoYTUxMgAAAFMA\nAAALc3NoLWVkMjU1MTkAAABAWX1+dKm2Suga9Loe+yQUjLtraxWtvfEnJrlBQVQxTRrc7o\nfnEomPgBaqGxhTULv+cTnVxt6N02Y1aYlgYneWAA==\n-----END SSH SIGNATURE-----\n"]',1795571606);
INSERT INTO "rosters" VALUES(2,'{"v":1,"number":2,"previous":"a8e7378e7ddffdafb3099ae3fbf529ba361f33c09c9f160273ca4186d3bdacff","time":"2026-11-25T01:53:27Z","people":[{"name":"ada","roles":["admin"],"keys":["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDpPPlNovlTvsvqAGRTB+6uVwuoGQT8UEi1F4FskCtLi"]},{"name":"bob","roles":["approver"],"keys":["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDOA4JxwWR2HwRENRwzcI5mGVw1dBE34tm+eB2s7du3T"]}],"recovery":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOuq4AGqq3h0SOylz+an2AYP3xkYLeBhM9jlFicOHFJ4","policy":{"approvals":1,"roster_signatures":1,"max_window":2592000,"max_certificate_ttl":3600}}','["-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgOk8+U2i+VO+y+oAZFMH7q5XC6g\nZBPxQSLUXgWyQK0uIAAAARZGF5cGFzcy1yb3N0ZXJAdjEAAAAAAAAABnNoYTUxMgAAAFMA\nAAALc3NoLWVkMjU1MTkAAABAuSn2ZwdpjVfKSg6cNRTPZNAHZC3I/whkdB9nIhvP9lL4qK\n0fFWIYMwO8gqGJPhPMVxJNwd5KvmAb9IjS7bLEDw==\n-----END SSH SIGNATURE-----\n"]',1795571607);
INSERT INTO "rosters" VALUES(3,'{"v":1,"number":3,"previous":"7d7dc8d820f04a964875da5a1585279973d4583d914c70c115609de5945af920","time":"2026-11-25T01:53:30Z","people":[{"name":"ada","roles":["admin"],"keys":["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDpPPlNovlTvsvqAGRTB+6uVwuoGQT8UEi1F4FskCtLi"]},{"name":"bob","roles":["approver"],"keys":["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDOA4JxwWR2HwRENRwzcI5mGVw1dBE34tm+eB2s7du3T"]},{"name":"carl","roles":["contractor"],"keys":["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOFpQzCX/WKhKIluUQd/UTrw8Zj01iUKjGtc85rmSE9/"]}],"recovery":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOuq4AGqq3h0SOylz+an2AYP3xkYLeBhM9jlFicOHFJ4","policy":{"approvals":1,"roster_signatures":1,"max_window":2592000,"max_certificate_ttl":3600}}','["-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgOk8+U2i+VO+y+oAZFMH7q5XC6g\nZBPxQSLUXgWyQK0uIAAAARZGF5cGFzcy1yb3N0ZXJAdjEAAAAAAAAABnNoYTUxMgAAAFMA\nAAALc3NoLWVkMjU1MTkAAABABHe/ogvBpSeWywZTIk/eD8JcnG4+Zm0kDDXc9veboW+78Y\n20ahXU5O68AUfGipeBsZxL0mLcJp5wtjMi3ZeQCw==\n-----END SSH SIGNATURE-----\n"]',1795571610);
CREATE TABLE statements (
    seq       INTEGER PRIMARY KEY,
    "window"  TEXT    NOT NULL REFERENCES windows (id),
    verb      TEXT    NOT NULL,
    signer    TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    statement TEXT    NOT NULL,
    signature TEXT    NOT NULL,
    received  INTEGER NOT NULL,
    UNIQUE ("window", verb, signer)
) STRICT;
INSERT INTO "statements" VALUES(1,'w-01m886jg4rpn3408dhn0h20bw2','request','carl','SHA256:6eJZGAxw7/TWgoHl6swcsnkqH+J7DE5C4l8Vl5cS/tQ','{"v":1,"verb":"request","window":"ed48fbf3757ab16b712d77f25119387aa7e13ef73d6aeebafc955b792ccc4b05","ca":"a8e7378e7ddffdafb3099ae3fbf529ba361f33c09c9f160273ca4186d3bdacff","signer":"carl","time":"2026-11-25T01:54:23Z","expires":"2026-12-15T01:54:20Z"}','-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAg4WlDMJf9YqEoiW5RB39ROvDxmP
TWJQqMa1zzmuZIT38AAAASZGF5cGFzcy1yZXF1ZXN0QHYxAAAAAAAAAAZzaGE1MTIAAABT
AAAAC3NzaC1lZDI1NTE5AAAAQEjSFTgC7yNwXZ42YCCa4Xp2v8v/SNWTSdRJkB1Y/rFQmn
IhdEE2bc4NDLwsZnOAtJdGA8vJaZ6nCkj0rbDJ4Ag=
-----END SSH SIGNATURE-----
',1795571665);
INSERT INTO "statements" VALUES(2,'w-01m886jg4rpn3408dhn0h20bw2','approve','bob','SHA256:uam0QKsyuCrvsS6VuUTxOrlbwvsRfCHcbMY3zqV4RDI','{"v":1,"verb":"approve","window":"ed48fbf3757ab16b712d77f25119387aa7e13ef73d6aeebafc955b792ccc4b05","ca":"a8e7378e7ddffdafb3099ae3fbf529ba361f33c09c9f160273ca4186d3bdacff","signer":"bob","time":"2026-11-25T01:54:29Z","expires":"2026-12-15T01:54:20Z"}','-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgM4DgnHBZHYfBEQ1HDNwjmYZXDV
0ETfi2b54Hazt27dMAAAASZGF5cGFzcy1hcHByb3ZlQHYxAAAAAAAAAAZzaGE1MTIAAABT
AAAAC3NzaC1lZDI1NTE5AAAAQAPo0+hHMmmFNHuzqy0jtFLqDzkrNVrhfOo7yrVeUlsss2
kXWSRGtKu1lKnQP0tsg+4xa3vOwkgqZQShwsSMVAM=
-----END SSH SIGNATURE-----
',1795571669);
INSERT INTO "statements" VALUES(3,'w-01m886jvvraa4yfjs65f533vdw','request','carl','SHA256:6eJZGAxw7/TWgoHl6swcsnkqH+J7DE5C4l8Vl5cS/tQ','{"v":1,"verb":"request","window":"24b5dc0ab85dd5a295852033ed8583a98fb3df728a61dae9e47debc327a3a817","ca":"a8e7378e7ddffdafb3099ae3fbf529ba361f33c09c9f160273ca4186d3bdacff","signer":"carl","time":"2026-11-25T01:54:35Z","expires":"2026-11-25T02:54:34Z"}','-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAg4WlDMJf9YqEoiW5RB39ROvDxmP
TWJQqMa1zzmuZIT38AAAASZGF5cGFzcy1yZXF1ZXN0QHYxAAAAAAAAAAZzaGE1MTIAAABT
AAAAC3NzaC1lZDI1NTE5AAAAQC8MtcgFIR72gk5MV7B+T91558QUEvA5lOKA6a2IwDO+H0
amlyKtfA5SwfqZaJGYIxJ15Tc5DnvpDKZWtGKGkAY=
-----END SSH SIGNATURE-----
',1795571675);
INSERT INTO "statements" VALUES(4,'w-01m886jvvraa4yfjs65f533vdw','deny','bob','SHA256:uam0QKsyuCrvsS6VuUTxOrlbwvsRfCHcbMY3zqV4RDI','{"v":1,"verb":"deny","window":"24b5dc0ab85dd5a295852033ed8583a98fb3df728a61dae9e47debc327a3a817","ca":"a8e7378e7ddffdafb3099ae3fbf529ba361f33c09c9f160273ca4186d3bdacff","signer":"bob","time":"2026-11-25T01:54:37Z","expires":"2026-11-25T02:54:34Z"}','-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgM4DgnHBZHYfBEQ1HDNwjmYZXDV
0ETfi2b54Hazt27dMAAAAPZGF5cGFzcy1kZW55QHYxAAAAAAAAAAZzaGE1MTIAAABTAAAA
C3NzaC1lZDI1NTE5AAAAQEOTzxWbqVvV6WAbQMTnsqDmmokoIqzjIHPsBlLqO+pTqJStph
WC3KYpt06tvRW7Q2ZFHJSHcZdiTgNfwsxUPAg=
-----END SSH SIGNATURE-----
',1795571678);
INSERT INTO "statements" VALUES(5,'w-01m886k1q83d4hzmfqycy75681','grant','bob','SHA256:uam0QKsyuCrvsS6VuUTxOrlbwvsRfCHcbMY3zqV4RDI','{"v":1,"verb":"grant","window":"b9c3a07c2348a96fe722c4d4818449c152ed0f3994e7775607698a1c57a7542c","ca":"a8e7378e7ddffdafb3099ae3fbf529ba361f33c09c9f160273ca4186d3bdacff","signer":"bob","time":"2026-11-25T01:54:41Z","expires":"2026-12-15T01:54:38Z"}','-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgM4DgnHBZHYfBEQ1HDNwjmYZXDV
0ETfi2b54Hazt27dMAAAAQZGF5cGFzcy1ncmFudEB2MQAAAAAAAAAGc2hhNTEyAAAAUwAA
AAtzc2gtZWQyNTUxOQAAAEAO4QRbnXMmr5JffRKUYGsR6smfpOXfeU41kLX+sJHP9Tvg2/
zv0Jheg2SL+mo9415iF6O97E3mO5nXGO9wAvEK
-----END SSH SIGNATURE-----
',1795571682);
INSERT INTO "statements" VALUES(6,'w-01m886k1q83d4hzmfqycy75681','revoke','bob','SHA256:uam0QKsyuCrvsS6VuUTxOrlbwvsRfCHcbMY3zqV4RDI','{"v":1,"verb":"revoke","window":"b9c3a07c2348a96fe722c4d4818449c152ed0f3994e7775607698a1c57a7542c","ca":"a8e7378e7ddffdafb3099ae3fbf529ba361f33c09c9f160273ca4186d3bdacff","signer":"bob","time":"2026-11-25T01:54:43Z","expires":"2026-12-15T01:54:38Z"}','-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgM4DgnHBZHYfBEQ1HDNwjmYZXDV
0ETfi2b54Hazt27dMAAAARZGF5cGFzcy1yZXZva2VAdjEAAAAAAAAABnNoYTUxMgAAAFMA
AAALc3NoLWVkMjU1MTkAAABAdcEHzMnKubLopRhVcrebT1vnSGsP7XQfrKe+E9Qg4hjgK2
kQ996xU/46/2tNJHHQFeDay79Klmrn0/1TFJa2BQ==
-----END SSH SIGNATURE-----
',1795571683);
CREATE TABLE states (
    only    INTEGER PRIMARY KEY CHECK (only = 1),
    number  INTEGER NOT NULL,
    content TEXT    NOT NULL
) STRICT;
INSERT INTO "states" VALUES(1,4,'f631f7798f87d3e38d34bf80ec9f462b57dc6db614ee3e37c96b30ab691377e4');
CREATE TABLE tokens (
    secret  BLOB    PRIMARY KEY CHECK (length(secret) = 32),
    host    TEXT    NOT NULL,
    aliases TEXT    NOT NULL,
    groups  TEXT    NOT NULL,
    maker   TEXT    NOT NULL,
    expires INTEGER NOT NULL,
    used    INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO "tokens" VALUES(X'27C22FE8B68CF590D2C29ED69D59140C8A5B60E964DAB548C996C6D6A1659421','db1','["db1.example"]','["db-prod"]','ada',1795575211,NULL);
INSERT INTO "tokens" VALUES(X'66EBE4F8A009311E25BFDC6F471A82E879B93434C793707A36D36C5A5F5B5778','db2','[]','["db-prod"]','ada',1795575212,NULL);
INSERT INTO "tokens" VALUES(X'795601A3E60892D1719162C8FAB3AA685463256F14A0E29135850E0E17D0C7D9','dbx','[]','[]','ada',1795575248,NULL);
INSERT INTO "tokens" VALUES(X'7B4B4A59E3E5E8ED494C9B70F78B191AEC1244A686CCEE9DA5031C618C7BC043','db1','["db1.example"]','["db-prod"]','ada',1795575249,1795571654);
CREATE TABLE windows (
    id         TEXT    PRIMARY KEY,
    hash       TEXT    NOT NULL UNIQUE,
    document   TEXT    NOT NULL,
    contractor TEXT    NOT NULL,
    starts     INTEGER NOT NULL,
    ends       INTEGER NOT NULL,
    submitted  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "windows" VALUES('w-01m886jg4rpn3408dhn0h20bw2','ed48fbf3757ab16b712d77f25119387aa7e13ef73d6aeebafc955b792ccc4b05','{"v":1,"id":"w-01m886jg4rpn3408dhn0h20bw2","ca":"a8e7378e7ddffdafb3099ae3fbf529ba361f33c09c9f160273ca4186d3bdacff","contractor":"carl","keys":["SHA256:6eJZGAxw7/TWgoHl6swcsnkqH+J7DE5C4l8Vl5cS/tQ"],"hosts":["db1"],"accounts":["deploy"],"sudo":["/usr/bin/systemctl restart nginx"],"starts":"2026-11-25T01:54:20Z","ends":"2026-12-15T01:54:20Z","permit":["pty"],"max_certificate_ttl":3600,"reason":"a test"}','carl',1795571660,1797299660,1795571665);
INSERT INTO "windows" VALUES('w-01m886jvvraa4yfjs65f533vdw','24b5dc0ab85dd5a295852033ed8583a98fb3df728a61dae9e47debc327a3a817','{"v":1,"id":"w-01m886jvvraa4yfjs65f533vdw","ca":"a8e7378e7ddffdafb3099ae3fbf529ba361f33c09c9f160273ca4186d3bdacff","contractor":"carl","keys":["SHA256:6eJZGAxw7/TWgoHl6swcsnkqH+J7DE5C4l8Vl5cS/tQ"],"hosts":["db1"],"accounts":["deploy"],"starts":"2026-11-25T01:54:34Z","ends":"2026-11-25T02:54:34Z","permit":["pty"],"max_certificate_ttl":3600,"reason":"another"}','carl',1795571674,1795575274,1795571675);
INSERT INTO "windows" VALUES('w-01m886k1q83d4hzmfqycy75681','b9c3a07c2348a96fe722c4d4818449c152ed0f3994e7775607698a1c57a7542c','{"v":1,"id":"w-01m886k1q83d4hzmfqycy75681","ca":"a8e7378e7ddffdafb3099ae3fbf529ba361f33c09c9f160273ca4186d3bdacff","contractor":"carl","keys":["SHA256:6eJZGAxw7/TWgoHl6swcsnkqH+J7DE5C4l8Vl5cS/tQ"],"hosts":["db1"],"accounts":["deploy"],"starts":"2026-11-25T01:54:38Z","ends":"2026-12-15T01:54:38Z","permit":["pty"],"max_certificate_ttl":3600,"reason":"a grant"}','carl',1795571678,1797299678,1795571682);
CREATE INDEX windows_of_a_contractor ON windows (contractor, ends);
CREATE INDEX windows_by_end ON windows (ends);
CREATE INDEX statements_by_verb ON statements (verb, "window");
CREATE INDEX certificates_of_a_window ON certificates ("window");
CREATE UNIQUE INDEX hosts_by_certificate ON hosts (certificate);
CREATE UNIQUE INDEX hosts_by_renewed_certificate ON hosts (renewed);
