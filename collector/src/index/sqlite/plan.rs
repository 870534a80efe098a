//! How a query is answered: by the index that fits it best, in its order, so that no more is read than shown.

use std::cmp::Ordering;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::super::cursor::Cursor;
use super::super::query::{Order, Query};
use super::condition::{Span, Statement, number};
use super::rows::{BLOCK_SHIFT, HIT, Hit, hit};
use super::text;

/// Entries with a text that are few: they are looked at one by one.
const FEW: usize = 2000;
/// Words that one kind of action may have; more are not looked for one by one.
const WORDS: usize = 64;

/// Entries that one index gives in the order of their time.
#[derive(Clone, Copy)]
struct Access {
    index: &'static str,
    condition: &'static str,
}

/// An access, and the value that it is asked for, where it takes one.
type Way = (Access, Option<String>);

const TIME: Access = Access {
    index: "entries_by_time",
    condition: "TRUE",
};
const HOST: Access = Access {
    index: "entries_by_host",
    condition: "entries.host = ?#",
};
const ACTION: Access = Access {
    index: "entries_by_action",
    condition: "entries.action = ?#",
};
const PERSON: Access = Access {
    index: "entries_by_person",
    condition: "entries.person <> '' AND entries.person = ?#",
};
const ACCOUNT: Access = Access {
    index: "entries_by_account",
    condition: "entries.account <> '' AND entries.account = ?#",
};
const TARGET: Access = Access {
    index: "entries_by_target",
    condition: "entries.target <> '' AND entries.target = ?#",
};
const WINDOW: Access = Access {
    index: "entries_by_window",
    condition: "entries.\"window\" <> '' AND entries.\"window\" = ?#",
};
const SESSION: Access = Access {
    index: "entries_by_session",
    condition: "entries.session <> '' AND entries.session = ?#",
};

/// What a query finds, in its order, and one more than it asks for if there is one.
pub(super) fn search(reader: &Connection, query: &Query) -> rusqlite::Result<Vec<Hit>> {
    // All parts see the index as it stands now.
    let snapshot = reader.unchecked_transaction()?;
    let text = query.text.as_deref().and_then(text::expression);
    match (query.order, text) {
        (Order::Arrival, text) => by_arrival(&snapshot, query, text),
        (_, None) => by_time(&snapshot, query),
        (_, Some(text)) => by_text(&snapshot, query, &text),
    }
}

fn by_arrival(
    reader: &Connection,
    query: &Query,
    text: Option<String>,
) -> rusqlite::Result<Vec<Hit>> {
    let after = id_before(reader, query)?;
    let mut statement = match text {
        None => {
            let mut statement = Statement::of(format!("SELECT {HIT} FROM entries WHERE "));
            statement.with("entries.id > ?#", after);
            statement
        }
        Some(text) => {
            let mut statement = with_text(text);
            statement.with(" AND texts.rowid > ?#", after);
            statement
        }
    };
    in_time(&mut statement, query);
    statement.filters(query);
    run(reader, &statement.ends(query))
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
fn by_time(reader: &Connection, query: &Query) -> rusqlite::Result<Vec<Hit>> {
    let span = Span::of(query);
    let mut spans = vec![span.behind(query)];
    if query.since.is_some() || query.until.is_some() {
        spans.push(Span::UNREADABLE.behind(query));
    }
    let mut hits = Vec::new();
    for (access, value) in accesses(reader, query)?.unwrap_or_else(|| vec![(TIME, None)]) {
        for span in &spans {
            let mut statement = Statement::of(format!(
                "SELECT {HIT} FROM entries INDEXED BY {} WHERE ",
                access.index
            ));
            match &value {
                Some(value) => statement.with(access.condition, value.clone()),
                None => statement.sql.push_str(access.condition),
            }
            statement.within(*span);
            statement.filters(query);
            statement.behind(query);
            hits.extend(run(reader, &statement.ends(query))?);
        }
    }
    Ok(ordered(query, hits))
}

/// The narrowest way to the entries of a query; `None` where it names nothing that has an index.
fn accesses(reader: &Connection, query: &Query) -> rusqlite::Result<Option<Vec<Way>>> {
    let ways: [(&[Access], &[String]); 6] = [
        (&[SESSION], &query.sessions),
        (&[WINDOW], &query.windows),
        (&[PERSON], &query.persons),
        (&[PERSON, ACCOUNT, TARGET], &query.users),
        (&[ACCOUNT, TARGET], &query.accounts),
        (&[HOST], &query.hosts),
    ];
    for (accesses, values) in ways {
        // What says nothing is in no index.
        if !values.is_empty() && values.iter().all(|value| !value.is_empty()) {
            let each = |value: &String| {
                let value = value.clone();
                accesses
                    .iter()
                    .map(move |access| (*access, Some(value.clone())))
            };
            return Ok(Some(values.iter().flat_map(each).collect()));
        }
    }
    if query.actions.is_empty() {
        return Ok(None);
    }
    let words = words(reader, &query.actions)?;
    Ok(words.map(|words| words.into_iter().map(|word| (ACTION, Some(word))).collect()))
}

/// The actions that were ever seen and are asked for; `None` where they are too many.
fn words(reader: &Connection, actions: &[String]) -> rusqlite::Result<Option<Vec<String>>> {
    let mut words = Vec::new();
    let mut next = reader
        .prepare_cached("SELECT min(action) FROM entries WHERE action > ?1 AND action < ?2")?;
    let mut is_there = reader.prepare_cached("SELECT 1 FROM entries WHERE action = ?1 LIMIT 1")?;
    for action in actions {
        if is_there.exists([action])? {
            words.push(action.clone());
        }
        let (mut last, end) = (format!("{action}."), format!("{action}/"));
        loop {
            if words.len() > WORDS {
                return Ok(None);
            }
            let found: Option<String> = next.query_row([&last, &end], |row| row.get(0))?;
            let Some(word) = found else { break };
            words.push(word.clone());
            last = word;
        }
        // A word may be nothing but its kind and a dot.
        let bare = format!("{action}.");
        if is_there.exists([&bare])? {
            words.push(bare);
        }
    }
    words.sort_unstable();
    words.dedup();
    Ok(Some(words))
}

/// With a text: where few entries have it, those; where many have it, the way of the other filters, and where there are
/// none, block by block, until no later block can hold anything that comes before what was found.
fn by_text(reader: &Connection, query: &Query, text: &str) -> rusqlite::Result<Vec<Hit>> {
    let few: Vec<i64> = reader
        .prepare_cached("SELECT rowid FROM texts WHERE texts MATCH ?1 LIMIT ?2")?
        .query_map(params![text, FEW + 1], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    if few.len() <= FEW {
        return these(reader, query, &few);
    }
    if accesses(reader, query)?.is_some() {
        return by_time(reader, query);
    }
    block_by_block(reader, query, text)
}

fn these(reader: &Connection, query: &Query, ids: &[i64]) -> rusqlite::Result<Vec<Hit>> {
    let mut statement = Statement::of(format!("SELECT {HIT} FROM entries WHERE "));
    let ids = serde_json::Value::from_iter(ids.iter().copied());
    statement.with(
        "entries.id IN (SELECT value FROM json_each(?#))",
        ids.to_string(),
    );
    in_time(&mut statement, query);
    statement.filters(query);
    statement.behind(query);
    run(reader, &statement.ends(query))
}

fn block_by_block(reader: &Connection, query: &Query, text: &str) -> rusqlite::Result<Vec<Hit>> {
    let blocks = blocks(reader, query)?;
    let mut hits = Vec::new();
    for (place, block) in blocks.iter().enumerate() {
        let mut statement = with_text(text.to_owned());
        let first = block.number << BLOCK_SHIFT;
        statement.with(" AND texts.rowid >= ?#", first);
        statement.with(" AND texts.rowid < ?#", first + (1 << BLOCK_SHIFT));
        in_time(&mut statement, query);
        statement.filters(query);
        statement.behind(query);
        hits.extend(run(reader, &statement.ends(query))?);
        hits = ordered(query, hits);
        let is_full = hits.len() > query.limit;
        let is_over = match (hits.last(), blocks.get(place + 1)) {
            (Some(last), Some(next)) if query.order == Order::Newest => last.time > next.latest,
            (Some(last), Some(next)) => last.time < next.earliest,
            _ => false,
        };
        if is_full && is_over {
            break;
        }
    }
    Ok(hits)
}

/// Ids of entries, and between which times these lie.
struct Block {
    number: i64,
    earliest: i64,
    latest: i64,
}

/// The blocks that can hold what is asked for, in the order of what they can begin with.
fn blocks(reader: &Connection, query: &Query) -> rusqlite::Result<Vec<Block>> {
    let (span, unreadable) = (
        Span::of(query).behind(query),
        Span::UNREADABLE.behind(query),
    );
    let mut statement = reader.prepare_cached("SELECT number, earliest, latest FROM blocks")?;
    let blocks = statement.query_map([], |row| {
        Ok(Block {
            number: row.get(0)?,
            earliest: row.get(1)?,
            latest: row.get(2)?,
        })
    })?;
    let mut blocks: Vec<Block> = blocks.collect::<rusqlite::Result<_>>()?;
    blocks.retain(|block| {
        [span, unreadable]
            .iter()
            .any(|span| span.meets(block.earliest, block.latest))
    });
    match query.order {
        Order::Newest => blocks.sort_unstable_by_key(|block| std::cmp::Reverse(block.latest)),
        Order::Oldest | Order::Arrival => blocks.sort_unstable_by_key(|block| block.earliest),
    }
    Ok(blocks)
}

/// The entries that have the pieces of a text.
fn with_text(text: String) -> Statement {
    let mut statement = Statement::of(format!(
        "SELECT {HIT} FROM texts CROSS JOIN entries ON entries.id = texts.rowid WHERE "
    ));
    statement.with("texts MATCH ?#", text);
    statement
}

fn in_time(statement: &mut Statement, query: &Query) {
    if query.since.is_none() && query.until.is_none() {
        return;
    }
    let span = Span::of(query);
    statement.with(" AND (entries.time = 0 OR (entries.time >= ?#", span.from);
    statement.with(" AND entries.time <= ?#))", span.to);
}

fn run(reader: &Connection, statement: &Statement) -> rusqlite::Result<Vec<Hit>> {
    let mut prepared = reader.prepare_cached(&statement.sql)?;
    let values: &[Value] = &statement.values;
    let hits = prepared.query_map(params_from_iter(values), hit)?;
    hits.collect()
}

/// Several answers as one, without doubles, and no longer than asked for.
fn ordered(query: &Query, mut hits: Vec<Hit>) -> Vec<Hit> {
    let by_time = |a: &Hit, b: &Hit| -> Ordering { a.place().cmp(&b.place()) };
    match query.order {
        Order::Newest => hits.sort_by(|a, b| by_time(b, a)),
        Order::Oldest | Order::Arrival => hits.sort_by(by_time),
    }
    hits.dedup_by_key(|hit| hit.id);
    hits.truncate(query.limit.saturating_add(1));
    hits
}
