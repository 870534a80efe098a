//! How long a session lasted, and whether it might: its window's end, moved by extensions that were approved.

use daypass_protocol::grant::ApprovedWindow;
use daypass_protocol::time::Time;

use super::fault::{Damage, Fault};
use super::judge::{Lack, Remark};
use super::records::Record;
use super::visit::{self, Context, Found};

/// How long a session's last entries may come after its end: warning, ending and closing take a while.
const GRACE: u64 = 60;

/// A session, from its opening on.
pub(super) struct Stay<'a> {
    pub(super) opening: &'a Record,
    pub(super) records: &'a [Record],
    pub(super) session: &'a str,
    pub(super) context: &'a Context<'a>,
}

impl Stay<'_> {
    /// Nothing of the session may come long after its end, and its end not after what its windows allow.
    pub(super) fn check(
        &self,
        approved: &ApprovedWindow,
        found: &mut Found,
        faults: &mut Vec<Fault>,
    ) {
        let mut by = approved.clone();
        let mut closes = match self.closes(self.opening, &by) {
            Ok(closes) => closes,
            Err(fault) => return faults.push(fault),
        };
        let is_of_it = |record: &&Record| {
            record.journal == self.opening.journal
                && record.seq > self.opening.seq
                && record.entry.text("/origin/session") == self.session
        };
        for record in self.records.iter().filter(is_of_it) {
            if record.time > closes.plus(GRACE) {
                found.remarks.push(Remark::Overstayed {
                    part: record.part().to_string(),
                    session: self.session.to_owned(),
                    closes: closes.to_string(),
                });
            }
            if record.action() != "session.extended" {
                continue;
            }
            match self.moved(record, approved, &by, found) {
                Ok(Some(after)) => {
                    closes = match self.closes(record, &after) {
                        Ok(closes) => closes,
                        Err(fault) => return faults.push(fault),
                    };
                    by = after;
                }
                Ok(None) => {}
                Err(fault) => return faults.push(fault),
            }
        }
    }

    /// Until when the session may last, by an entry and at most by its window.
    fn closes(&self, record: &Record, by: &ApprovedWindow) -> Result<Time, Fault> {
        let text = record.detail_text("closes").unwrap_or_default();
        // Hours in a zone that this machine does not know are told of where the visit is judged.
        let allowed = by.closes(record.time).unwrap_or(by.document().ends);
        match text.parse::<Time>() {
            Ok(closes) if closes <= allowed => Ok(closes),
            _ => Err(Fault::new(
                &record.part(),
                Damage::TooLong {
                    found: text.to_owned(),
                    allowed: allowed.to_string(),
                },
            )),
        }
    }

    /// The window by which the session goes on from here: an extension, by which its contractor came in, or the first one
    /// again once that is stopped. `None` when the bundle does not say how it was judged.
    fn moved(
        &self,
        record: &Record,
        first: &ApprovedWindow,
        before: &ApprovedWindow,
        found: &mut Found,
    ) -> Result<Option<ApprovedWindow>, Fault> {
        let window = record.entry.text("/identity/window");
        if window == first.document().id.to_string() {
            return Ok(Some(first.clone()));
        }
        let is_login = |other: &&Record| {
            other.journal == record.journal
                && other.seq < record.seq
                && other.action() == "session.open"
                && other.entry.text("/identity/window") == window
                && other.entry.text("/identity/account")
                    == self.opening.entry.text("/identity/account")
        };
        let login = self.records.iter().rev().find(is_login);
        let judged = match login {
            // What is wrong or missing there is told of where that visit is judged.
            Some(login) => visit::opened(login, self.session, self.context, &mut Found::default())
                .ok()
                .and_then(|(_, approved)| approved),
            None => None,
        };
        let Some(judged) = judged else {
            found.lacks.push(Lack::Extension {
                session: self.session.to_owned(),
                window: window.to_owned(),
            });
            return Ok(None);
        };
        let is_extension = judged.document().prolongs(before.document())
            || judged.document().prolongs(first.document());
        match is_extension {
            true => Ok(Some(judged)),
            false => {
                let window = window.to_owned();
                Err(Fault::new(&record.part(), Damage::NoExtension { window }))
            }
        }
    }
}
