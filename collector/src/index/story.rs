//! The story of one session: what its host journalled under its id, and what the CA journalled of its windows.

use super::cursor::Cursor;
use super::query::{Order, Query};
use super::record::Record;
use crate::origin::Origin;

/// Which entries tell the story; in the order of time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Story {
    /// The host's journal.
    pub log: Origin,
    /// The session's id.
    pub session: String,
    /// Its window, and the extensions of it.
    pub windows: Vec<String>,
    /// The serial of the certificate that opened it: the window's other certificates opened other sessions.
    pub serial: String,
    /// The journals of the CA.
    pub ca: Vec<Origin>,
    /// Behind what.
    pub after: Option<Cursor>,
    /// How many.
    pub limit: usize,
}

impl Story {
    /// Order, cursor and limit, as a query has them.
    pub fn query(&self) -> Query {
        Query {
            order: Order::Oldest,
            after: self.after.clone(),
            limit: self.limit,
            ..Query::default()
        }
    }

    /// Whether an entry belongs to it: what every index must agree with.
    pub fn admits(&self, record: &Record) -> bool {
        let of_host =
            record.log == self.log && !record.session.is_empty() && record.session == self.session;
        let of_ca = self.ca.contains(&record.log)
            && !record.window.is_empty()
            && self.windows.contains(&record.window)
            && (!record.action.starts_with("certificate.") || record.serial == self.serial);
        of_host || of_ca
    }
}
