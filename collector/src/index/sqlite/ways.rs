//! The indexes, and which of them leads to the entries of a query by the narrowest way.

use rusqlite::Connection;

use super::super::query::Query;

/// Words that one kind of action may have; more are not looked for one by one.
const WORDS: usize = 64;

/// Entries that one index gives in the order of their time.
#[derive(Clone, Copy)]
pub(super) struct Access {
    pub(super) index: &'static str,
    pub(super) condition: &'static str,
}

/// An access, and the value that it is asked for, where it takes one.
pub(super) type Way = (Access, Option<String>);

pub(super) const TIME: Access = Access {
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
pub(super) const WINDOW: Access = Access {
    index: "entries_by_window",
    condition: "entries.\"window\" <> '' AND entries.\"window\" = ?#",
};
pub(super) const SESSION: Access = Access {
    index: "entries_by_session",
    condition: "entries.session <> '' AND entries.session = ?#",
};

/// The narrowest way to the entries of a query; `None` where it names nothing that has an index.
pub(super) fn accesses(reader: &Connection, query: &Query) -> rusqlite::Result<Option<Vec<Way>>> {
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
