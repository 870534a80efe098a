//! Queries for a text, in the order of time.

use rusqlite::{Connection, params};

use super::super::query::{Order, Query};
use super::condition::{Span, Statement};
use super::pairs::{self, Short};
use super::plan::{by_time, in_time, ordered, run};
use super::rows::{BLOCK_SHIFT, HIT, Hit};
use super::ways;

/// Rows of pairs for one block, as a shift.
const ROWS_SHIFT: u32 = BLOCK_SHIFT - pairs::ROW_SHIFT;

/// So few entries are looked at one by one.
pub(super) const FEW: usize = 2000;

/// With a text: where few entries have it, those; where many have it, the way of the other filters, and where there are
/// none, block by block, until no later block can hold anything that comes before what was found.
pub(super) fn by_text(
    reader: &Connection,
    query: &Query,
    text: &str,
) -> rusqlite::Result<Vec<Hit>> {
    let few: Vec<i64> = reader
        .prepare_cached("SELECT rowid FROM texts WHERE texts MATCH ?1 LIMIT ?2")?
        .query_map(params![text, FEW + 1], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    if few.len() <= FEW {
        return these(reader, query, &few);
    }
    if ways::accesses(reader, query)?.is_some() {
        return by_time(reader, query);
    }
    block_by_block(reader, query, |block| {
        let mut statement = with_text(text.to_owned());
        let first = block << BLOCK_SHIFT;
        statement.with(" AND texts.rowid >= ?#", first);
        statement.with(" AND texts.rowid < ?#", first + (1 << BLOCK_SHIFT));
        Ok(Some(statement))
    })
}

/// With a text that is too short for that: the way of the other filters, and where there are none, block by block.
pub(super) fn by_short_text(
    reader: &Connection,
    query: &Query,
    short: &Short,
) -> rusqlite::Result<Vec<Hit>> {
    if ways::accesses(reader, query)?.is_some() {
        return by_time(reader, query);
    }
    block_by_block(reader, query, |block| {
        let rows = (block << ROWS_SHIFT)..((block + 1) << ROWS_SHIFT);
        let mut groups = Vec::new();
        for number in rows {
            groups.extend(short.groups(reader, number)?);
        }
        Ok(of_groups(groups))
    })
}

/// The same in the order of arrival, behind an id.
pub(super) fn by_short_arrival(
    reader: &Connection,
    query: &Query,
    short: &Short,
    after: i64,
) -> rusqlite::Result<Vec<Hit>> {
    let mut hits = Vec::new();
    for number in (after.max(0) >> pairs::ROW_SHIFT)..=pairs::last(reader)? {
        let Some(mut statement) = of_groups(short.groups(reader, number)?) else {
            continue;
        };
        statement.with(" AND entries.id > ?#", after);
        in_time(&mut statement, query);
        statement.filters(query);
        hits.extend(run(reader, &statement.ends(query))?);
        if hits.len() > query.limit {
            break;
        }
    }
    Ok(ordered(query, hits))
}

/// The entries of these groups; `None` where there are no groups.
fn of_groups(groups: Vec<i64>) -> Option<Statement> {
    if groups.is_empty() {
        return None;
    }
    let mut statement = Statement::of(format!("SELECT {HIT} FROM json_each("));
    let groups = serde_json::Value::from_iter(groups);
    statement.with("?#", groups.to_string());
    statement.with(
        ") AS chosen CROSS JOIN entries NOT INDEXED \
         ON entries.id >= chosen.value AND entries.id < chosen.value + ?# WHERE TRUE",
        pairs::GROUP,
    );
    Some(statement)
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

/// `begin` begins the statement that finds what one block may have; `None` where it has nothing.
fn block_by_block(
    reader: &Connection,
    query: &Query,
    begin: impl Fn(i64) -> rusqlite::Result<Option<Statement>>,
) -> rusqlite::Result<Vec<Hit>> {
    let blocks = blocks(reader, query)?;
    let mut hits = Vec::new();
    for (place, block) in blocks.iter().enumerate() {
        if let Some(mut statement) = begin(block.number)? {
            in_time(&mut statement, query);
            statement.filters(query);
            statement.behind(query);
            hits.extend(run(reader, &statement.ends(query))?);
            hits = ordered(query, hits);
        }
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
pub(super) fn with_text(text: String) -> Statement {
    let mut statement = Statement::of(format!(
        "SELECT {HIT} FROM texts CROSS JOIN entries ON entries.id = texts.rowid WHERE "
    ));
    statement.with("texts MATCH ?#", text);
    statement
}
