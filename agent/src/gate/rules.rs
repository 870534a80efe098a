//! Rules that end a session at once (`[[end]]`): judged before a contractor's sudo is answered, when it is refused, and at a
//! login. Sessions that gate 3 registered are judged, nobody else's doings ever.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use daypass_gate::Response;
use daypass_protocol::event::{Action, Event, Outcome};

use super::Gates;
use super::sudo::Sudo;
use crate::diagnostic;
use crate::rules::{EndRule, Verdict};
use crate::sessions::{Cause, Session};

/// Long lines are taken apart one after another: each takes many times its length while it is, and a crowd of them would
/// take all of them no less time side by side.
#[derive(Debug, Default)]
pub(super) struct Bench {
    turn: Mutex<()>,
}

impl Gates {
    /// What a rule says of a sudo that the window grants; `None` lets it go on.
    pub(super) fn end_by_request(&self, session: &Arc<Session>, sudo: &Sudo) -> Option<Response> {
        if self.config.end.is_empty() {
            return None;
        }
        let request = sudo.event(self, Action::SudoRequest, Outcome::Allowed);
        match self.judge(&request, Some(sudo)) {
            Verdict::Passes => None,
            Verdict::Ends(rule) => {
                let message = diagnostic::ended_by_rule(rule.title.as_str());
                // Begun before the entry: a disk that hangs keeps nobody in.
                self.sessions.end(session, cause(rule));
                let event = sudo
                    .event(self, Action::SudoDenied, Outcome::Denied)
                    .because(ENDED, &message)
                    .detail("rule", rule.name.clone());
                let refused = self.refuse_durably(sudo, event, &message);
                hold(sudo);
                Some(refused)
            }
            Verdict::Unclear => Some(self.refuse_unclear(sudo)),
        }
    }

    /// What a rule says of something that was refused anyway, or that has happened; whether it ends the session.
    pub(super) fn end_after(
        &self,
        session: &Arc<Session>,
        event: &Event,
        sudo: Option<&Sudo>,
    ) -> bool {
        let cause = self.cause_of(event, sudo);
        let ends = cause.is_some();
        if let Some(cause) = cause {
            self.sessions.end(session, cause);
        }
        ends
    }

    /// Why a session ends in which this happens, if it does.
    pub(super) fn cause_of(&self, event: &Event, sudo: Option<&Sudo>) -> Option<Cause> {
        if self.config.end.is_empty() {
            return None;
        }
        match self.judge(event, sudo) {
            Verdict::Ends(rule) => Some(cause(rule)),
            Verdict::Passes | Verdict::Unclear => None,
        }
    }

    fn judge(&self, event: &Event, sudo: Option<&Sudo>) -> Verdict<'_> {
        let turn = sudo.filter(|sudo| sudo.is_long()).map(|_| {
            let turn = self.bench.turn.lock();
            turn.unwrap_or_else(PoisonError::into_inner)
        });
        let words = sudo.map(Sudo::words).unwrap_or_default();
        let verdict = self.config.end.judge(event, &words);
        drop(turn);
        verdict
    }

    /// Sealed, under a key that is wiped, like a request that is granted. A journal that is down has it set aside.
    pub(super) fn refuse_durably(&self, sudo: &Sudo, event: Event, message: &str) -> Response {
        let _ = self.commit_call(sudo, event);
        Response::deny(message)
    }
}

fn cause(rule: &EndRule) -> Cause {
    Cause::Rule {
        name: rule.name.clone(),
        title: rule.title.to_string(),
    }
}

/// The code of a refusal that ends the session.
const ENDED: &str = "ended-by-rule";
/// An end takes milliseconds. Should it take longer, whoever asked is told no, and dies later.
const END: Duration = Duration::from_secs(1);

/// Who asked waits for their end: with an answer, what called sudo would go on to its next line.
pub(super) fn hold(sudo: &Sudo) {
    if let Ok(handle) = sudo.process().hold() {
        let _ = handle.ends_within(END);
    }
}
