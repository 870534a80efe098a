//! Texts of one or two characters, which are too short for FTS5: for each pair of characters, which groups of 128 entries
//! have it. The groups are looked through entry by entry; the bytes decide.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::text::{self, FILLER};

/// Ids of one row, and of one of its groups, as shifts: 8,192 and 128.
pub(super) const ROW_SHIFT: u32 = 13;
const GROUP_SHIFT: u32 = 7;
pub(super) const GROUP: i64 = 1 << GROUP_SHIFT;
/// Entries whose pairs are filled in in one commit.
const AT_ONCE: i64 = 1 << ROW_SHIFT;

/// Groups that have a pair, by the number of their row.
#[derive(Debug, Default)]
pub(super) struct Pairs(HashMap<(i64, char, char), u64>);

impl Pairs {
    /// Gathers what FTS5 is given of an entry, too. Each character is the first of a pair.
    pub(super) fn add(&mut self, id: i64, text: &str) {
        let (number, group) = place(id);
        let mut characters = text.chars().peekable();
        while let Some(first) = characters.next() {
            let second = characters.peek().copied().unwrap_or(FILLER);
            *self.0.entry((number, first, second)).or_default() |= group;
        }
    }

    /// Writes down what was gathered.
    pub(super) fn write(self, connection: &Connection) -> rusqlite::Result<()> {
        let mut say = connection.prepare_cached(
            "INSERT INTO pairs (number, pair, groups) VALUES (?1, ?2, ?3) \
             ON CONFLICT (number, pair) DO UPDATE SET groups = groups | ?3",
        )?;
        // In the order of the tree's pages.
        let mut rows: Vec<_> = self.0.into_iter().collect();
        rows.sort_unstable();
        for ((number, first, second), groups) in rows {
            let pair = String::from_iter([first, second]);
            say.execute(params![number, pair, groups.cast_signed()])?;
        }
        Ok(())
    }
}

/// The row of an id, and the bit of its group.
fn place(id: i64) -> (i64, u64) {
    let group = (id >> GROUP_SHIFT) & 63;
    (id >> ROW_SHIFT, 1 << group)
}

/// Makes the groups of these ids, whose entries were taken out, say what is left in them.
pub(super) fn forget(connection: &Connection, ids: &[i64]) -> rusqlite::Result<()> {
    let mut masks: HashMap<i64, u64> = HashMap::new();
    for id in ids {
        let (number, group) = place(*id);
        *masks.entry(number).or_default() |= group;
    }
    for (number, mask) in masks {
        connection
            .prepare_cached("UPDATE pairs SET groups = groups & ?2 WHERE number = ?1")?
            .execute(params![number, (!mask).cast_signed()])?;
        let mut left = Pairs::default();
        for group in (0..64).filter(|group| mask & (1 << group) != 0) {
            let first = (number << ROW_SHIFT) + (group << GROUP_SHIFT);
            gather(connection, first, first + GROUP, &mut left)?;
        }
        left.write(connection)?;
        connection
            .prepare_cached("DELETE FROM pairs WHERE number = ?1 AND groups = 0")?
            .execute([number])?;
    }
    Ok(())
}

/// Gathers the pairs of the entries from one id up to another.
fn gather(
    connection: &Connection,
    first: i64,
    end: i64,
    pairs: &mut Pairs,
) -> rusqlite::Result<()> {
    let mut find = connection
        .prepare_cached("SELECT id, command, reason FROM entries WHERE id >= ?1 AND id < ?2")?;
    let mut rows = find.query([first, end])?;
    while let Some(row) = rows.next()? {
        let (command, reason): (Vec<u8>, Vec<u8>) = (row.get(1)?, row.get(2)?);
        if let Some(text) = text::of(&command, &String::from_utf8_lossy(&reason)) {
            pairs.add(row.get(0)?, &text);
        }
    }
    Ok(())
}

/// Fills in the pairs of what was indexed before there were any. A stop in between goes on at the next start.
pub(super) fn fill(writer: &mut Connection) -> rusqlite::Result<()> {
    loop {
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let next: Option<i64> = transaction
            .query_row("SELECT next FROM unpaired", [], |row| row.get(0))
            .optional()?;
        let last: Option<i64> =
            transaction.query_row("SELECT max(id) FROM entries", [], |row| row.get(0))?;
        let (Some(next), Some(last)) = (next, last) else {
            return Ok(());
        };
        let mut pairs = Pairs::default();
        gather(&transaction, next, next + AT_ONCE, &mut pairs)?;
        pairs.write(&transaction)?;
        match next + AT_ONCE > last {
            true => transaction.execute("DELETE FROM unpaired", [])?,
            false => transaction.execute("UPDATE unpaired SET next = ?1", [next + AT_ONCE])?,
        };
        transaction.commit()?;
    }
}

/// A text that is too short for FTS5, by what an entry that has it must have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Short {
    One(char),
    Pairs(Vec<String>),
}

impl Short {
    /// `None` where FTS5 serves, or nothing is asked for.
    pub(super) fn of(text: &str) -> Option<Self> {
        if text::expression(text).is_some() {
            return None;
        }
        let characters: Vec<char> = text.chars().map(text::filled).collect();
        match characters[..] {
            [] => None,
            [one] => Some(Self::One(one)),
            _ => {
                let pairs = characters.windows(2);
                Some(Self::Pairs(pairs.map(String::from_iter).collect()))
            }
        }
    }

    /// The first ids of the groups of one row that may have it.
    pub(super) fn groups(&self, reader: &Connection, number: i64) -> rusqlite::Result<Vec<i64>> {
        let groups = match self {
            Self::One(one) => {
                let mut any = reader.prepare_cached(
                    "SELECT groups FROM pairs WHERE number = ?1 AND pair BETWEEN ?2 AND ?3",
                )?;
                let (from, to) = (String::from(*one), String::from_iter([*one, char::MAX]));
                let mut rows = any.query(params![number, from, to])?;
                let mut groups = 0;
                while let Some(row) = rows.next()? {
                    groups |= row.get::<_, i64>(0)?;
                }
                groups
            }
            Self::Pairs(pairs) => {
                let mut of = reader
                    .prepare_cached("SELECT groups FROM pairs WHERE number = ?1 AND pair = ?2")?;
                let mut groups = -1;
                for pair in pairs {
                    let found: Option<i64> = of
                        .query_row(params![number, pair], |row| row.get(0))
                        .optional()?;
                    groups &= found.unwrap_or(0);
                }
                groups
            }
        };
        let groups = groups.cast_unsigned();
        Ok((0..64)
            .filter(|group| groups & (1 << group) != 0)
            .map(|group| (number << ROW_SHIFT) + (group << GROUP_SHIFT))
            .collect())
    }
}

/// The number of the last row.
pub(super) fn last(reader: &Connection) -> rusqlite::Result<i64> {
    let last: Option<i64> = reader
        .prepare_cached("SELECT max(number) FROM pairs")?
        .query_row([], |row| row.get(0))?;
    Ok(last.unwrap_or(-1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_asked_for_by_its_pairs() {
        let pairs = |pairs: &[&str]| {
            let pairs = pairs.iter().map(|pair| (*pair).to_owned());
            Some(Short::Pairs(pairs.collect()))
        };
        assert_eq!(Short::of(""), None);
        assert_eq!(Short::of("rm "), None);
        assert_eq!(Short::of("é"), Some(Short::One('é')));
        assert_eq!(Short::of("rm"), pairs(&["rm"]));
        assert_eq!(Short::of("a\0b"), pairs(&["a\u{fffd}", "\u{fffd}b"]));
    }
}
