//! A session's end moves: its contractor came in by an approved extension of its window.
//!
//! The extension is judged at the gates like any window; what it moves is how long those sessions may last that its
//! contractor has by the window before, on the same account. They keep what they were given, no more.

use std::sync::Arc;

use daypass_protocol::event::{Action, Event, Identity, Outcome};
use daypass_protocol::window::FrozenWindow;

use super::end::Cause;
use super::narrow;
use super::record::{Extension, Record};
use super::registry::Sessions;
use super::session::{Extended, Session};
use crate::authority::Snapshot;

impl Sessions {
    /// Lets those sessions of the same account last as long as this one that its window prolongs.
    pub fn prolong(&self, by: &Session) {
        let (window, record) = (&by.window, &by.record);
        if window.document().extends.is_none() {
            return;
        }
        for session in self.all() {
            let before = session.lasts_by();
            if session.record.uid != record.uid
                || !session.is_open()
                || !window.document().prolongs(before.document())
                // Its hours may end it before the window that it prolongs would: that takes nothing away.
                || by.left() <= session.left()
            {
                continue;
            }
            let extended = Extended {
                window: window.clone(),
                note: Extension {
                    window: window.text().to_owned(),
                    serial: record.serial,
                    key: record.key,
                    closes: record.closes,
                    closes_since_boot: record.closes_since_boot,
                },
            };
            self.last_by(&session, Some(extended), &before);
        }
    }

    /// An extension that is stopped counts no more.
    pub(super) fn heed_extension(&self, session: &Arc<Session>, snapshot: &Snapshot) {
        let Some(extended) = session.extended() else {
            return;
        };
        let Extension { key, serial, .. } = extended.note;
        let cause = match snapshot.stop(&extended.window) {
            Some(stop) => Cause::stopped_by(stop),
            None => match snapshot.revocation(&extended.window, key, serial) {
                Some(revocation) => Cause::revoked_by(revocation),
                None => {
                    let limits = snapshot.limits(&extended.window);
                    let left = limits.left_of(extended.window.document());
                    if narrow::covers(&left, &snapshot.host, &session.record.account) {
                        return;
                    }
                    narrow::cause(&limits)
                }
            },
        };
        self.last_by(session, None, &extended.window);
        if session.left().is_zero() {
            self.end(session, cause);
        }
    }

    fn last_by(&self, session: &Session, extended: Option<Extended>, before: &FrozenWindow) {
        let record = Record {
            extension: extended.as_ref().map(|extended| extended.note.clone()),
            ..session.note()
        };
        let closes = record
            .extension
            .as_ref()
            .map_or(record.closes, |extension| extension.closes);
        // A later end that would be forgotten in a restart is none; an earlier one holds in any case.
        let noted = record.store(&self.shared.setup.directory);
        if extended.is_some() && noted.is_err() {
            return;
        }
        session.extend(extended);
        let identity = Identity {
            window: Some(session.lasts_by().document().id),
            ..session.identity()
        };
        self.shared.setup.intake.note(
            &Event::new(Action::SessionExtended)
                .outcome(Outcome::Done)
                .by(identity)
                .on(self.resource(session))
                .from(session.origin(None))
                .detail("closes", closes.to_string())
                .detail("window_before", before.document().id.to_string()),
        );
    }
}
