//! How a query is answered: by the index that fits it best, in its order, so that no more is read than shown.

use std::cmp::Ordering;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::super::cursor::Cursor;
use super::super::query::{Order, Query};
use super::super::story::Story;
use super::condition::{Span, Statement, number};
use super::pairs::Short;
use super::rows::{BLOCK_SHIFT, HIT, Hit, hit};
use super::texts::FEW;
use super::ways::{Access, SESSION, TIME, WINDOW, Way};
use super::{text, texts, ways};

/// What a query finds, in its order, and one more than it asks for if there is one.
pub(super) fn search(reader: &Connection, query: &Query) -> rusqlite::Result<Vec<Hit>> {
    // All parts see the index as it stands now.
    let snapshot = reader.unchecked_transaction()?;
    let text = query.text.as_deref();
    let (pieces, short) = (text.and_then(text::expression), text.and_then(Short::of));
    match (query.order, pieces, short) {
        (Order::Arrival, pieces, short) => by_arrival(&snapshot, query, pieces, short),
        (_, Some(pieces), _) => texts::by_text(&snapshot, query, &pieces),
        (_, None, Some(short)) => texts::by_short_text(&snapshot, query, &short),
        (_, None, None) => by_time(&snapshot, query),
    }
}

fn by_arrival(
    reader: &Connection,
    query: &Query,
    pieces: Option<String>,
    short: Option<Short>,
) -> rusqlite::Result<Vec<Hit>> {
    let after = id_before(reader, query)?;
    if let (None, Some(ways)) = (&pieces, rare(reader, query)?) {
        return of_ways(reader, query, &ways, after);
    }
    if let Some(short) = short {
        return texts::by_short_arrival(reader, query, &short, after);
    }
    let mut statement = match pieces {
        None => {
            let mut statement = Statement::of(format!("SELECT {HIT} FROM entries WHERE "));
            statement.with("entries.id > ?#", after);
            statement
        }
        Some(text) => {
            let mut statement = texts::with_text(text);
            statement.with(" AND texts.rowid > ?#", after);
            statement
        }
    };
    in_time(&mut statement, query);
    statement.filters(query);
    run(reader, &statement.ends(query))
}

/// The ways to what is asked for, where they lead to few entries in all: looking through what came is longer.
fn rare(reader: &Connection, query: &Query) -> rusqlite::Result<Option<Vec<Way>>> {
    let Some(ways) = ways::accesses(reader, query)? else {
        return Ok(None);
    };
    let mut left = FEW;
    for way in &ways {
        let mut statement = begin("SELECT 1", way);
        statement.with(" LIMIT ?#", number(left as u64).saturating_add(1));
        let mut prepared = reader.prepare_cached(&statement.sql)?;
        let mut rows = prepared.query(params_from_iter(&statement.values))?;
        while rows.next()?.is_some() {
            let Some(less) = left.checked_sub(1) else {
                return Ok(None);
            };
            left = less;
        }
    }
    Ok(Some(ways))
}

/// What these ways lead to behind an id, in the order of arrival.
fn of_ways(
    reader: &Connection,
    query: &Query,
    ways: &[Way],
    after: i64,
) -> rusqlite::Result<Vec<Hit>> {
    let mut hits = Vec::new();
    for way in ways {
        let mut statement = begin(&format!("SELECT {HIT}"), way);
        statement.with(" AND entries.id > ?#", after);
        in_time(&mut statement, query);
        statement.filters(query);
        hits.extend(run(reader, &statement.ends(query))?);
    }
    Ok(ordered(query, hits))
}

/// The beginning of a statement that takes a way.
fn begin(select: &str, (access, value): &Way) -> Statement {
    let mut statement = Statement::of(format!(
        "{select} FROM entries INDEXED BY {} WHERE ",
        access.index
    ));
    match value {
        Some(value) => statement.with(access.condition, value.clone()),
        None => statement.sql.push_str(access.condition),
    }
    statement
}

/// The last id that is not asked for in the order of arrival: up to the cursor, or to the last block that is too old.
fn id_before(reader: &Connection, query: &Query) -> rusqlite::Result<i64> {
    if let Some(Cursor::Arrival { segment, seq }) = &query.after {
        let before: Option<i64> = reader
            .prepare_cached(
                "SELECT id FROM entries WHERE (segment, seq) <= (?1, ?2) ORDER BY segment DESC, seq DESC LIMIT 1",
            )?
            .query_row(params![number(*segment), number(*seq)], |row| row.get(0))
            .optional()?;
        return Ok(before.unwrap_or(0));
    }
    let span = Span::of(query);
    let first: Option<i64> = reader
        .prepare_cached(
            "SELECT min(number) FROM blocks WHERE latest >= ?1 OR (earliest <= 0 AND latest >= 0)",
        )?
        .query_row([span.from], |row| row.get(0))?;
    Ok(first.map_or(0, |first| (first << BLOCK_SHIFT) - 1))
}

/// Without a text: what each access gives, merged.
pub(super) fn by_time(reader: &Connection, query: &Query) -> rusqlite::Result<Vec<Hit>> {
    let span = Span::of(query);
    let mut spans = vec![span.behind(query)];
    if query.since.is_some() || query.until.is_some() {
        spans.push(Span::UNREADABLE.behind(query));
    }
    let mut hits = Vec::new();
    for way in ways::accesses(reader, query)?.unwrap_or_else(|| vec![(TIME, None)]) {
        for span in &spans {
            let mut statement = begin(&format!("SELECT {HIT}"), &way);
            statement.within(*span);
            statement.filters(query);
            statement.behind(query);
            hits.extend(run(reader, &statement.ends(query))?);
        }
    }
    Ok(ordered(query, hits))
}

/// What a host says of a session, and the CA of its windows, merged.
pub(super) fn story(reader: &Connection, story: &Story) -> rusqlite::Result<Vec<Hit>> {
    let snapshot = reader.unchecked_transaction()?;
    let query = story.query();
    let begin = |access: Access, value: &str| {
        let mut statement = begin(&format!("SELECT {HIT}"), &(access, Some(value.to_owned())));
        statement.within(Span::of(&query).behind(&query));
        statement
    };
    let mut of_host = begin(SESSION, &story.session);
    of_host.with(" AND entries.origin = ?#", story.log.to_string());
    let ca = serde_json::Value::from_iter(story.ca.iter().map(ToString::to_string)).to_string();
    let of_ca = story.windows.iter().map(|window| {
        let mut statement = begin(WINDOW, window);
        statement.with(
            " AND entries.origin IN (SELECT value FROM json_each(?#))",
            ca.clone(),
        );
        statement.with(
            " AND (substr(entries.action, 1, 12) <> 'certificate.' OR entries.serial = ?#)",
            story.serial.clone(),
        );
        statement
    });
    let mut hits = Vec::new();
    for mut statement in [of_host].into_iter().chain(of_ca) {
        statement.behind(&query);
        hits.extend(run(&snapshot, &statement.ends(&query))?);
    }
    Ok(ordered(&query, hits))
}

pub(super) fn in_time(statement: &mut Statement, query: &Query) {
    if query.since.is_none() && query.until.is_none() {
        return;
    }
    let span = Span::of(query);
    statement.with(" AND (entries.time = 0 OR (entries.time >= ?#", span.from);
    statement.with(" AND entries.time <= ?#))", span.to);
}

pub(super) fn run(reader: &Connection, statement: &Statement) -> rusqlite::Result<Vec<Hit>> {
    let mut prepared = reader.prepare_cached(&statement.sql)?;
    let values: &[Value] = &statement.values;
    let hits = prepared.query_map(params_from_iter(values), hit)?;
    hits.collect()
}

/// Several answers as one, without doubles, and no longer than asked for.
pub(super) fn ordered(query: &Query, mut hits: Vec<Hit>) -> Vec<Hit> {
    let by_time = |a: &Hit, b: &Hit| -> Ordering { a.place().cmp(&b.place()) };
    match query.order {
        Order::Newest => hits.sort_by(|a, b| by_time(b, a)),
        Order::Oldest => hits.sort_by(by_time),
        Order::Arrival => hits.sort_by_key(|hit| hit.id),
    }
    hits.dedup_by_key(|hit| hit.id);
    hits.truncate(query.limit.saturating_add(1));
    hits
}
