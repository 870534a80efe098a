//! Rules that end a session at once (`[[end]]`): judged before a contractor's sudo is answered, when it is refused, and at a
//! login. Sessions that gate 3 registered are judged, nobody else's doings ever.

use std::sync::Arc;

use daypass_gate::Response;
use daypass_protocol::event::{Action, Event, Outcome};

use super::Gates;
use super::sudo::Sudo;
use crate::diagnostic;
use crate::rules::{EndRule, Verdict};
use crate::sessions::{Cause, Session};

impl Gates {
    /// What a rule says of a sudo that the window grants; `None` lets it go on.
    pub(super) fn end_by_request(&self, session: &Arc<Session>, sudo: &Sudo) -> Option<Response> {
        if self.config.end.is_empty() {
            return None;
        }
        let words = sudo.words();
        let request = sudo.event(self, Action::SudoRequest, Outcome::Allowed);
        let denied = sudo.event(self, Action::SudoDenied, Outcome::Denied);
        match self.config.end.judge(&request, &words) {
            Verdict::Passes => None,
            Verdict::Ends(rule) => {
                let message = diagnostic::ended_by_rule(rule.title.as_str());
                // Nothing is waited for: the entry comes, whatever becomes of who asked.
                self.end_by(session, rule);
                let event = denied
                    .because(ENDED, &message)
                    .detail("rule", rule.name.clone());
                Some(self.refuse_durably(&event, &message))
            }
            Verdict::Unclear => {
                let event = denied.because("command-goes-on", diagnostic::COMMAND_GOES_ON);
                Some(self.refuse_durably(&event, diagnostic::COMMAND_GOES_ON))
            }
        }
    }

    /// What a rule says of something that was refused anyway, or that has happened.
    pub(super) fn end_after(
        &self,
        session: &Arc<Session>,
        event: &Event,
        words: impl FnOnce() -> Vec<Vec<u8>>,
    ) {
        if self.config.end.is_empty() {
            return;
        }
        let words = &words();
        if let Verdict::Ends(rule) = self.config.end.judge(event, words) {
            self.end_by(session, rule);
        }
    }

    fn end_by(&self, session: &Arc<Session>, rule: &EndRule) {
        let cause = Cause::Rule {
            name: rule.name.clone(),
            title: rule.title.to_string(),
        };
        self.sessions.end(session, cause);
    }

    /// Sealed, under a key that is wiped, like a request that is granted. A journal that is down has it set aside.
    fn refuse_durably(&self, event: &Event, message: &str) -> Response {
        let _ = self.intake.commit_ending_epoch(event);
        Response::deny(message)
    }
}

/// The code of a refusal that ends the session.
const ENDED: &str = "ended-by-rule";
