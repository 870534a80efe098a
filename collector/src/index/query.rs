//! What can be asked, and the form in which it stands in a URL.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::DateTime;
use daypass_protocol::event::reading;

use super::cursor::Cursor;
use super::record::Record;
use crate::arrivals::LONGEST_WAIT;

/// Entries in one answer, at most and when nothing is said.
pub const LIMIT: usize = 1000;
const DEFAULT_LIMIT: usize = 100;
/// Values of one filter, and bytes of each.
const VALUES: usize = 32;
const VALUE_BYTES: usize = 256;

/// In which order entries are given.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Order {
    /// By time, journal and sequence number.
    #[default]
    Oldest,
    /// The reverse of it.
    Newest,
    /// As they came in: what comes later is always behind the cursor.
    Arrival,
}

/// Which entries; an empty list, or `None`, asks for nothing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Query {
    /// Microseconds since 1970, inclusive.
    pub since: Option<i64>,
    /// Microseconds since 1970, exclusive.
    pub until: Option<i64>,
    /// A person, an account, or a sudo's target account.
    pub users: Vec<String>,
    /// A person.
    pub persons: Vec<String>,
    /// An account, or a sudo's target account.
    pub accounts: Vec<String>,
    /// The host that an entry is about.
    pub hosts: Vec<String>,
    /// A group of hosts: means nothing before [`Query::members`] is set.
    pub groups: Vec<String>,
    /// The hosts of the groups asked for; `None` where none is.
    pub members: Option<BTreeSet<String>>,
    /// A window's id.
    pub windows: Vec<String>,
    /// A session's id.
    pub sessions: Vec<String>,
    /// An action, or the part of it before a dot.
    pub actions: Vec<String>,
    /// How it ended.
    pub outcomes: Vec<String>,
    /// Bytes in the command or the reason.
    pub text: Option<String>,
    /// In which order.
    pub order: Order,
    /// Behind what.
    pub after: Option<Cursor>,
    /// How many; at most [`LIMIT`].
    pub limit: usize,
    /// How long to wait where nothing is found yet.
    pub wait: Duration,
}

/// Why a query cannot be answered.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidQuery {
    /// A key that means nothing here.
    #[error(
        "the query has the key {0:?}; known are since, until, user, person, account, host, group, window, session, action, outcome, text, order, limit, cursor and wait"
    )]
    Unknown(String),
    /// A key that can stand once only.
    #[error("{0} stands in the query twice")]
    Twice(&'static str),
    /// Not an instant.
    #[error("{0} must be a time like 2026-11-23T10:00:00Z")]
    Time(&'static str),
    /// Not one of the three.
    #[error("order must be oldest, newest or arrival")]
    Order,
    /// Not a number, or out of bounds.
    #[error("limit must be a number from 1 to {LIMIT}")]
    Limit,
    /// Not a number of seconds, or in another order.
    #[error("wait must be a number of seconds from 0 to {}, with order=arrival", LONGEST_WAIT.as_secs())]
    Wait,
    /// Made up, or of another order.
    #[error("the cursor is not one of this order; begin without one")]
    Cursor,
    /// More than anybody asks for.
    #[error("at most {VALUES} values of {VALUE_BYTES} bytes can stand for {0}")]
    TooMuch(&'static str),
}

impl Query {
    /// Everything, in the given order.
    pub fn all(order: Order) -> Self {
        Self {
            order,
            limit: DEFAULT_LIMIT,
            ..Self::default()
        }
    }

    /// Reads the part of a URL behind the question mark.
    ///
    /// # Errors
    /// One variant for each thing that can be wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidQuery> {
        let mut query = Self::all(Order::default());
        let mut once = Vec::new();
        for (key, value) in form_urlencoded::parse(text.as_bytes()) {
            let value = value.into_owned();
            match &*key {
                "user" => push(&mut query.users, "user", value)?,
                "person" => push(&mut query.persons, "person", value)?,
                "account" => push(&mut query.accounts, "account", value)?,
                "host" => push(&mut query.hosts, "host", value)?,
                "group" => push(&mut query.groups, "group", value)?,
                "window" => push(&mut query.windows, "window", value)?,
                "session" => push(&mut query.sessions, "session", value)?,
                "action" => push(&mut query.actions, "action", value)?,
                "outcome" => push(&mut query.outcomes, "outcome", value)?,
                _ => {
                    let key = query.single(&key, &value)?;
                    if once.contains(&key) {
                        return Err(InvalidQuery::Twice(key));
                    }
                    once.push(key);
                }
            }
        }
        match &query.after {
            Some(cursor) if cursor.is_by_arrival() != (query.order == Order::Arrival) => {
                Err(InvalidQuery::Cursor)
            }
            _ if !query.wait.is_zero() && query.order != Order::Arrival => Err(InvalidQuery::Wait),
            _ => Ok(query),
        }
    }

    fn single(&mut self, key: &str, value: &str) -> Result<&'static str, InvalidQuery> {
        match key {
            "since" => self.since = Some(instant("since", value)?),
            "until" => self.until = Some(instant("until", value)?),
            "text" => self.text = Some(bounded("text", value.to_owned())?),
            "order" => self.order = order(value)?,
            "limit" => self.limit = limit(value)?,
            "wait" => self.wait = wait(value)?,
            "cursor" => self.after = Some(value.parse().map_err(|_| InvalidQuery::Cursor)?),
            _ => return Err(InvalidQuery::Unknown(key.chars().take(64).collect())),
        }
        Ok(
            ["since", "until", "text", "order", "limit", "cursor", "wait"]
                .into_iter()
                .find(|known| *known == key)
                .unwrap_or("cursor"),
        )
    }

    /// Whether an entry is asked for: what every index must agree with. An entry whose time cannot be read is shown
    /// rather than hidden.
    pub fn admits(&self, record: &Record) -> bool {
        (record.time == 0
            || self.since.is_none_or(|since| record.time >= since)
                && self.until.is_none_or(|until| record.time < until))
            && any(&self.users, |user| {
                [&record.person, &record.account, &record.target].contains(&user)
            })
            && any(&self.persons, |person| record.person == *person)
            && any(&self.accounts, |account| {
                [&record.account, &record.target].contains(&account)
            })
            && any(&self.hosts, |host| record.host == *host)
            && self
                .members
                .as_ref()
                .is_none_or(|members| members.contains(&record.host))
            && any(&self.windows, |window| record.window == *window)
            && any(&self.sessions, |session| record.session == *session)
            && any(&self.actions, |action| {
                reading::is_within(&record.action, action)
            })
            && any(&self.outcomes, |outcome| record.outcome == *outcome)
            && self
                .text
                .as_ref()
                .is_none_or(|text| reading::says(&record.command, &record.reason, text))
    }
}

fn wait(value: &str) -> Result<Duration, InvalidQuery> {
    let wait = value.parse().map(Duration::from_secs);
    wait.ok()
        .filter(|wait| *wait <= LONGEST_WAIT)
        .ok_or(InvalidQuery::Wait)
}

fn any(wanted: &[String], matches: impl Fn(&String) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(matches)
}

fn push(values: &mut Vec<String>, key: &'static str, value: String) -> Result<(), InvalidQuery> {
    if values.len() == VALUES {
        return Err(InvalidQuery::TooMuch(key));
    }
    values.push(bounded(key, value)?);
    Ok(())
}

fn bounded(key: &'static str, value: String) -> Result<String, InvalidQuery> {
    if value.len() > VALUE_BYTES {
        return Err(InvalidQuery::TooMuch(key));
    }
    Ok(value)
}

fn instant(key: &'static str, value: &str) -> Result<i64, InvalidQuery> {
    DateTime::parse_from_rfc3339(value)
        .map(|time| time.timestamp_micros())
        .map_err(|_| InvalidQuery::Time(key))
}

fn order(value: &str) -> Result<Order, InvalidQuery> {
    match value {
        "oldest" => Ok(Order::Oldest),
        "newest" => Ok(Order::Newest),
        "arrival" => Ok(Order::Arrival),
        _ => Err(InvalidQuery::Order),
    }
}

fn limit(value: &str) -> Result<usize, InvalidQuery> {
    match value.parse() {
        Ok(limit @ 1..=LIMIT) => Ok(limit),
        _ => Err(InvalidQuery::Limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_can_be_said() {
        let query = Query::parse(
            "since=2026-11-23T10:00:00Z&until=2026-11-23T11:00:00%2B01:00&user=carol&user=deploy&host=db1\
             &window=w-1&action=sudo&text=rm+-r&order=newest&limit=7&person=bob&account=root&group=db&session=s-1\
             &outcome=denied",
        )
        .unwrap();
        let others = [
            &query.persons,
            &query.accounts,
            &query.groups,
            &query.sessions,
            &query.outcomes,
        ];
        assert_eq!(
            others.map(|values| values.join(",")),
            ["bob", "root", "db", "s-1", "denied"]
        );
        assert_eq!(query.users, ["carol", "deploy"]);
        assert_eq!(query.text.as_deref(), Some("rm -r"));
        assert_eq!((query.order, query.limit), (Order::Newest, 7));
        assert_eq!(query.since, query.until);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (text, error) in [
            ("usr=carol", InvalidQuery::Unknown("usr".to_owned())),
            ("limit=0", InvalidQuery::Limit),
            ("limit=1001", InvalidQuery::Limit),
            ("limit=1&limit=2", InvalidQuery::Twice("limit")),
            ("since=yesterday", InvalidQuery::Time("since")),
            ("order=best", InvalidQuery::Order),
            ("cursor=1", InvalidQuery::Cursor),
            ("order=newest&cursor=a.1.2", InvalidQuery::Cursor),
        ] {
            assert_eq!(Query::parse(text), Err(error), "{text}");
        }
        let long = format!("user={}", "x".repeat(300));
        assert_eq!(Query::parse(&long), Err(InvalidQuery::TooMuch("user")));
        let many = "user=x&".repeat(33);
        assert_eq!(Query::parse(&many), Err(InvalidQuery::TooMuch("user")));
    }
}
