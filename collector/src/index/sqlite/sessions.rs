//! Sessions as rows.

use daypass_protocol::forwarding::Ending;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use super::super::session::{Change, End, Session, Wanted};
use super::condition::{Statement, number};
use crate::origin::Origin;

/// Columns of a session, as [`session`] reads them.
const SESSION: &str = "origin, id, seq, opened, boot, service, person, account, \"window\", serial, address, approvers, \
                       closes, how, ended_by, ended";

/// Writes down what an entry of `log` changes.
pub(super) fn apply(
    connection: &Connection,
    log: &Origin,
    change: &Change,
) -> rusqlite::Result<()> {
    match change {
        Change::Opened(session) => insert(connection, session),
        Change::Extended { id, closes } => connection
            .prepare_cached("UPDATE sessions SET closes = ?3 WHERE origin = ?1 AND id = ?2")?
            .execute(params![log.to_string(), id, closes])
            .map(drop),
        Change::Over { id, service, end } => connection
            .prepare_cached(
                "UPDATE sessions SET how = ?3, ended_by = ?4, ended = ?5 \
                 WHERE origin = ?1 AND id = ?2 AND how IS NULL AND (?3 = 'ended' OR service = ?6)",
            )?
            .execute(params![
                log.to_string(),
                id,
                end.how.as_str(),
                end.seq,
                end.time,
                service
            ])
            .map(drop),
        Change::Begun { boot, seq, time } => connection
            .prepare_cached(
                "UPDATE sessions SET ended_by = ?3, ended = ?4, \
                 how = CASE WHEN boot <> ?2 THEN 'restarted' ELSE 'untracked' END \
                 WHERE origin = ?1 AND how IS NULL AND (boot <> ?2 OR \"window\" = '')",
            )?
            .execute(params![log.to_string(), boot, seq, time])
            .map(drop),
    }
}

fn insert(connection: &Connection, session: &Session) -> rusqlite::Result<()> {
    let approvers = serde_json::Value::from(session.approvers.clone()).to_string();
    connection
        .prepare_cached(
            "INSERT INTO sessions (origin, id, host, seq, opened, boot, service, person, account, \"window\", serial, \
             address, approvers, closes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) \
             ON CONFLICT (origin, id) DO NOTHING",
        )?
        .execute(params![
            session.log.to_string(),
            session.id,
            session.log.owner().as_str(),
            session.seq,
            session.opened,
            session.boot,
            session.service,
            session.person,
            session.account,
            session.window,
            session.serial,
            session.address,
            approvers,
            session.closes,
        ])
        .map(drop)
}

/// The sessions that are asked for, in their order.
pub(super) fn search(reader: &Connection, wanted: &Wanted) -> rusqlite::Result<Vec<Session>> {
    let mut statement = Statement::of(format!("SELECT {SESSION} FROM sessions WHERE "));
    match &wanted.id {
        Some(id) => statement.with("id = ?#", id.clone()),
        None => statement.sql.push_str("how IS NULL"),
    }
    let json = |values: Vec<String>| serde_json::Value::from(values).to_string();
    if !wanted.users.is_empty() {
        statement.with(
            " AND (person IN (SELECT value FROM json_each(?#)) OR account IN (SELECT value FROM json_each(?#)))",
            json(wanted.users.clone()),
        );
    }
    let members = wanted
        .members
        .iter()
        .map(|members| members.iter().cloned().collect());
    let hosts = (!wanted.hosts.is_empty()).then(|| wanted.hosts.clone());
    for hosts in members.chain(hosts) {
        statement.with(
            " AND host IN (SELECT value FROM json_each(?#))",
            json(hosts),
        );
    }
    if let Some(after) = &wanted.after {
        statement.with(" AND (opened, origin, id) > (?#, ", after.opened);
        statement.with("?#, ", after.log.clone());
        statement.with("?#)", after.id.clone());
    }
    statement.sql.push_str(" ORDER BY opened, origin, id");
    statement.with(" LIMIT ?#", number(wanted.limit as u64));
    let mut prepared = reader.prepare_cached(&statement.sql)?;
    let values: &[Value] = &statement.values;
    prepared
        .query_map(params_from_iter(values), session)?
        .collect()
}

fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    let approvers: String = row.get(11)?;
    let (how, seq, time): (Option<String>, Option<u64>, Option<i64>) =
        (row.get(13)?, row.get(14)?, row.get(15)?);
    let how = how.and_then(|word| Ending::ALL.into_iter().find(|how| how.as_str() == word));
    let end = match (how, seq, time) {
        (Some(how), Some(seq), Some(time)) => Some(End { how, seq, time }),
        _ => None,
    };
    let origin: String = row.get(0)?;
    Ok(Session {
        log: origin.parse().map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(
                0,
                rusqlite::types::Type::Text,
                Box::<crate::origin::InvalidOrigin>::new(error),
            )
        })?,
        id: row.get(1)?,
        seq: row.get(2)?,
        opened: row.get(3)?,
        boot: row.get(4)?,
        service: row.get(5)?,
        person: row.get(6)?,
        account: row.get(7)?,
        window: row.get(8)?,
        serial: row.get(9)?,
        address: row.get(10)?,
        approvers: serde_json::from_str(&approvers).unwrap_or_default(),
        closes: row.get(12)?,
        end,
    })
}
