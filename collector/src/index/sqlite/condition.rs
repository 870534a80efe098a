//! A query's filters in SQL. Only constants of this directory become part of the text; everything asked for is a parameter.

use rusqlite::types::Value;

use super::super::cursor::Cursor;
use super::super::query::{Order, Query};

/// A statement that grows.
#[derive(Clone, Debug, Default)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

/// Times from and to, both inclusive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Span {
    /// Of entries whose time cannot be read: they are shown rather than hidden.
    pub(super) const UNREADABLE: Self = Self { from: 0, to: 0 };

    /// Of a query, as its cursor leaves it.
    pub(super) fn of(query: &Query) -> Self {
        Self {
            from: query.since.unwrap_or(i64::MIN),
            to: query
                .until
                .map_or(i64::MAX, |until| until.saturating_sub(1)),
        }
    }

    /// What of it lies behind a cursor.
    pub(super) fn behind(self, query: &Query) -> Self {
        match (&query.after, query.order) {
            (Some(Cursor::Time { time, .. }), Order::Newest) => Self {
                to: self.to.min(*time),
                ..self
            },
            (Some(Cursor::Time { time, .. }), Order::Oldest) => Self {
                from: self.from.max(*time),
                ..self
            },
            _ => self,
        }
    }

    /// Whether times between these can lie in it.
    pub(super) fn meets(self, earliest: i64, latest: i64) -> bool {
        latest >= self.from && earliest <= self.to
    }
}

impl Statement {
    pub(super) fn of(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            values: Vec::new(),
        }
    }

    /// Adds a piece of SQL whose `?#` all stand for the one value.
    pub(super) fn with(&mut self, sql: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        let parameter = format!("?{}", self.values.len());
        self.sql.push_str(&sql.replace("?#", &parameter));
    }

    /// Adds the time of an entry.
    pub(super) fn within(&mut self, span: Span) {
        self.with(" AND entries.time >= ?#", span.from);
        self.with(" AND entries.time <= ?#", span.to);
    }

    /// Adds everything that is asked of an entry but its time.
    pub(super) fn filters(&mut self, query: &Query) {
        self.any(&["person", "account", "target"], &query.users);
        self.any(&["person"], &query.persons);
        self.any(&["account", "target"], &query.accounts);
        self.any(&["host"], &query.hosts);
        self.any(&["\"window\""], &query.windows);
        self.any(&["session"], &query.sessions);
        self.any(&["outcome"], &query.outcomes);
        if let Some(members) = &query.members {
            let members = serde_json::Value::from_iter(members.iter().cloned());
            self.with(
                " AND entries.host IN (SELECT value FROM json_each(?#))",
                members.to_string(),
            );
        }
        self.actions(&query.actions);
        if let Some(text) = query.text.as_ref().filter(|text| !text.is_empty()) {
            self.with(
                " AND (instr(entries.command, ?#) > 0 OR instr(entries.reason, ?#) > 0)",
                text.clone().into_bytes(),
            );
        }
    }

    /// One of the columns has one of the values.
    fn any(&mut self, columns: &[&str], values: &[String]) {
        if values.is_empty() {
            return;
        }
        let begun = self.values.len() + 1;
        self.values.extend(values.iter().cloned().map(Value::from));
        let parameters: Vec<String> = (begun..=self.values.len())
            .map(|number| format!("?{number}"))
            .collect();
        let parameters = parameters.join(", ");
        let columns: Vec<String> = columns
            .iter()
            .map(|column| format!("entries.{column} IN ({parameters})"))
            .collect();
        self.sql
            .push_str(&format!(" AND ({})", columns.join(" OR ")));
    }

    fn actions(&mut self, actions: &[String]) {
        if actions.is_empty() {
            return;
        }
        self.sql.push_str(" AND (FALSE");
        for action in actions {
            self.with(
                " OR entries.action = ?# OR substr(entries.action, 1, length(?#) + 1) = ?# || '.'",
                action.clone(),
            );
        }
        self.sql.push(')');
    }

    /// Adds that an entry stands behind the cursor of an order by time.
    pub(super) fn behind(&mut self, query: &Query) {
        let Some(Cursor::Time { time, log, seq }) = &query.after else {
            return;
        };
        let beyond = match query.order {
            Order::Newest => "<",
            Order::Oldest | Order::Arrival => ">",
        };
        let sql = format!(" AND (entries.time, entries.origin, entries.seq) {beyond} (?#, ");
        self.with(&sql, *time);
        self.with("?#, ", log.to_string());
        self.with("?#)", number(*seq));
    }

    /// Ends it: in the order by time, one more than asked for, which tells whether there is more.
    pub(super) fn ends(mut self, query: &Query) -> Self {
        self.sql.push_str(match query.order {
            Order::Newest => " ORDER BY entries.time DESC, entries.origin DESC, entries.seq DESC",
            Order::Oldest => " ORDER BY entries.time, entries.origin, entries.seq",
            Order::Arrival => " ORDER BY entries.id",
        });
        self.with(" LIMIT ?#", number(query.limit as u64).saturating_add(1));
        self
    }
}

/// Beyond what SQLite can hold nothing is stored, so the largest serves.
pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
