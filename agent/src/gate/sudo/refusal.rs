//! What sudo refuses: by PAM's account phase, or because the session's rules do not grant it.

use std::sync::Arc;

use daypass_gate::{Caller, Response};
use daypass_protocol::event::{Action, Outcome};

use super::Sudo;
use crate::diagnostic;
use crate::facts::Peer;
use crate::gate::Gates;
use crate::gate::flood::with_untold;
use crate::gate::rules::hold;
use crate::sessions::{Session, Sudo as Granted};

impl Gates {
    /// sudo wants a password inside a session. What the window grants needs none, so it does not grant this. `None` for
    /// any other service: passwords are not the agent's business there.
    pub(in crate::gate) fn sudo_ungranted(&self, peer: &Peer, caller: &Caller) -> Option<Response> {
        if caller.service != "daypass-sudo" {
            return None;
        }
        let process = peer.handle.process();
        // A sudo that is gone has no command line to journal, and nobody waits for the answer.
        let ids = process.ids().ok()?;
        let session = self.sessions.of(process, &ids);
        let sudo = self.sudo(process, &ids, session.as_deref(), caller);
        Some(self.refuse_sudo(&sudo, session.as_ref()))
    }

    /// The settings ask for a cosignature before the command runs, and none came.
    pub(super) fn refuse_unwitnessed(&self, sudo: &Sudo) -> Response {
        let event = sudo.event(self, Action::SudoDenied, Outcome::Denied);
        self.intake
            .note(&event.because("not-witnessed", diagnostic::NOT_WITNESSED));
        Response::deny(diagnostic::NOT_WITNESSED)
    }

    /// Too many of the session wait already. Rules hold for these as for all that is refused, and nobody waits for that.
    pub(super) fn refuse_crowded(&self, sudo: &Sudo, session: &Arc<Session>) -> Response {
        let event = sudo
            .event(self, Action::SudoDenied, Outcome::Denied)
            .because("sudo-crowded", diagnostic::SUDO_CROWDED);
        self.end_after(session, &event, Some(sudo));
        if let Some(untold) = self.flood.tell(sudo.origin.address) {
            self.note_call(sudo, with_untold(event, untold));
        }
        Response::deny(diagnostic::SUDO_CROWDED)
    }

    /// No rule can judge it. Nobody dies of asking again, so of many not each is worth a write to the disk.
    pub(in crate::gate) fn refuse_unclear(&self, sudo: &Sudo) -> Response {
        let Some(untold) = self.flood.tell(sudo.origin.address) else {
            return Response::deny(diagnostic::COMMAND_GOES_ON);
        };
        let event = sudo
            .event(self, Action::SudoDenied, Outcome::Denied)
            .because("command-goes-on", diagnostic::COMMAND_GOES_ON);
        self.refuse_durably(
            sudo,
            with_untold(event, untold),
            diagnostic::COMMAND_GOES_ON,
        )
    }

    pub(super) fn refuse_sudo(&self, sudo: &Sudo, session: Option<&Arc<Session>>) -> Response {
        let without = diagnostic::SUDO_WITHOUT_SESSION.to_owned();
        let (code, message) = match session {
            Some(session) if session.is_open() => {
                match self.sessions.sudo_for(session, sudo.watched) {
                    Granted::Taken { by } => ("sudo-taken", diagnostic::sudo_taken(&by)),
                    Granted::Older => ("sudo-older", diagnostic::SUDO_OLDER.to_owned()),
                    Granted::Withheld => ("sudo-withheld", diagnostic::SUDO_WITHHELD.to_owned()),
                    Granted::Granted | Granted::NotGranted => (
                        "sudo-not-granted",
                        diagnostic::sudo_not_granted(session.document().id),
                    ),
                }
            }
            Some(_) => ("window-ended", without),
            None => ("no-session", without),
        };
        let event = sudo
            .event(self, Action::SudoDenied, Outcome::Denied)
            .because(code, &message);
        let is_ended = session
            .filter(|session| session.is_open())
            .is_some_and(|session| self.end_after(session, &event, Some(sudo)));
        if let Some(untold) = self.flood.tell(sudo.origin.address) {
            self.note_call(sudo, with_untold(event, untold));
        }
        if is_ended {
            hold(sudo);
        }
        Response::deny(&message)
    }
}
