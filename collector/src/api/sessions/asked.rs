//! What stands behind the question mark of the two routes.

use crate::index::cursor::Cursor;
use crate::index::query::LIMIT;
use crate::index::session::Place;

use super::super::refusal::Refusal;

const DEFAULT_LIMIT: usize = 500;
/// Values of one filter, and bytes of each.
const VALUES: usize = 32;
const VALUE_BYTES: usize = 256;

/// A question.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) users: Vec<String>,
    pub(super) hosts: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) host: Option<String>,
    pub(super) limit: usize,
    pub(super) after: Option<Place>,
    pub(super) cursor: Option<Cursor>,
}

impl Asked {
    /// `user`, `host`, `group`, each up to 32 times; `limit`, `cursor`.
    pub(super) fn of_list(query: &str) -> Result<Self, Refusal> {
        let mut asked = Self {
            limit: DEFAULT_LIMIT,
            ..Self::default()
        };
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "user" => push(&mut asked.users, &value)?,
                "host" => push(&mut asked.hosts, &value)?,
                "group" => push(&mut asked.groups, &value)?,
                "limit" => asked.limit = limit(&value)?,
                "cursor" => asked.after = Some(value.parse().map_err(|_| no_cursor())?),
                _ => return Err(unknown("user, host, group, limit and cursor")),
            }
        }
        Ok(asked)
    }

    /// `host`, `limit`, `cursor`.
    pub(super) fn of_story(query: &str) -> Result<Self, Refusal> {
        let mut asked = Self {
            limit: DEFAULT_LIMIT,
            ..Self::default()
        };
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "host" if asked.host.is_none() => asked.host = Some(value.into_owned()),
                "limit" => asked.limit = limit(&value)?,
                "cursor" => asked.cursor = Some(cursor(&value)?),
                _ => return Err(unknown("host, once, limit and cursor")),
            }
        }
        Ok(asked)
    }
}

fn cursor(value: &str) -> Result<Cursor, Refusal> {
    let cursor: Cursor = value.parse().map_err(|_| no_cursor())?;
    match cursor.is_by_arrival() {
        true => Err(no_cursor()),
        false => Ok(cursor),
    }
}

fn push(values: &mut Vec<String>, value: &str) -> Result<(), Refusal> {
    if values.len() == VALUES || value.len() > VALUE_BYTES {
        return Err(Refusal::malformed(
            "unknown-query",
            format!("at most {VALUES} values of {VALUE_BYTES} bytes can stand for one key"),
        ));
    }
    values.push(value.to_owned());
    Ok(())
}

fn limit(value: &str) -> Result<usize, Refusal> {
    match value.parse() {
        Ok(limit @ 1..=LIMIT) => Ok(limit),
        _ => Err(Refusal::malformed(
            "unknown-query",
            format!("limit must be a number from 1 to {LIMIT}"),
        )),
    }
}

fn no_cursor() -> Refusal {
    Refusal::malformed(
        "unknown-query",
        "the cursor is not one of this route; begin without one",
    )
}

fn unknown(known: &str) -> Refusal {
    Refusal::malformed(
        "unknown-query",
        format!("after the question mark this route takes {known}"),
    )
}
