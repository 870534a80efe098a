//! A session's window is made smaller: it ends earlier, keeps fewer sudo rules, or ends now where the window is not for
//! this host and account any more.
//!
//! What narrows a window is in the state, and kept like what revokes it; so nothing of this is noted with the session:
//! after a restart the first look finds all of it again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::name::Account;
use daypass_protocol::narrowing::Limits;
use daypass_protocol::time::Time;
use daypass_protocol::window::{FrozenWindow, Window, WindowId};

use super::end::Cause;
use super::registry::Sessions;
use super::session::Session;
use crate::authority::{HostNames, Snapshot};
use crate::facts::since_boot;

/// How a session is narrowed so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Narrowed {
    /// Of its own window.
    limits: Limits,
    /// Of the extension by which it lasts, if it does: it outlives what narrowed the window before.
    extension: Limits,
    /// Of the window by which it lasts, where that was narrowed.
    cap: Option<Cap>,
}

/// An earlier end of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cap {
    window: WindowId,
    ends: Time,
    /// The same in milliseconds since boot, for a clock that is set back.
    since_boot: u64,
}

impl Narrowed {
    /// Of a session that was let in by a window with these limits.
    pub(super) fn at_first(window: &FrozenWindow, limits: Limits) -> Self {
        Self {
            cap: cap(window, &limits),
            extension: Limits::default(),
            limits,
        }
    }

    /// How much longer somebody may stay who lasts by `window`, if that was narrowed.
    pub(super) fn left(&self, window: WindowId, now: Duration) -> Option<Duration> {
        let cap = self.cap.filter(|cap| cap.window == window)?;
        let by_clock = Duration::from_secs(cap.ends.unix_unsigned()).saturating_sub(now);
        let by_boot = Duration::from_millis(cap.since_boot).saturating_sub(since_boot());
        Some(by_clock.min(by_boot))
    }

    /// What is left of the session's own window.
    pub(super) fn left_of(&self, window: &Window) -> Window {
        self.extension.left_of(&self.limits.left_of(window))
    }
}

/// Whether the window is still for this account here.
pub(super) fn covers(left: &Window, host: &HostNames, account: &str) -> bool {
    let here = left.hosts.iter().any(|named| host.all().contains(named));
    let account = account.parse::<Account>();
    here && account.is_ok_and(|account| left.accounts.contains(&account))
}

/// By whom a window was narrowed last.
pub(super) fn cause(limits: &Limits) -> Cause {
    limits
        .by()
        .map_or(Cause::NotAdmitted, |by| Cause::Narrowed { by: by.clone() })
}

impl Sessions {
    /// Takes over how the newest state narrows a session's window.
    pub(super) fn heed_narrowing(&self, session: &Arc<Session>, snapshot: &Snapshot) {
        let limits = snapshot.limits(&session.window);
        let lasts_by = session.lasts_by();
        let by = snapshot.limits(&lasts_by);
        let cap = cap(&lasts_by, &by);
        let extension = match session.extended() {
            Some(_) => by.clone(),
            None => Limits::default(),
        };
        let before = session.narrowed();
        let is_new = before.limits != limits
            || before.extension != extension
            || before.cap.map(|cap| (cap.window, cap.ends))
                != cap.map(|cap| (cap.window, cap.ends));
        if !is_new {
            return;
        }
        let now = Narrowed {
            limits: limits.clone(),
            extension,
            cap,
        };
        let left = now.left_of(session.document());
        if !covers(&left, &snapshot.host, &session.record.account) {
            self.end(session, cause(&limits));
            return;
        }
        let sudo_before = before.left_of(session.document()).sudo;
        session.narrow(now);
        if left.sudo != sudo_before {
            self.renew_sudo(session);
        }
        self.tell_of_narrowing(session, &left, &limits);
        let remaining = session.left();
        if remaining.is_zero() {
            self.end(session, cause(if by.is_empty() { &limits } else { &by }));
            return;
        }
        // The deadline's own look may come seconds later than an end that is this close.
        let (sessions, id) = (self.clone(), session.record.id);
        let alarm = &self.shared.setup.alarm;
        alarm.at(Instant::now() + remaining, move || {
            if let Some(session) = sessions.by_id(id)
                && let Some(cause) = session.overdue()
            {
                sessions.end(&session, cause);
            }
        });
    }

    fn tell_of_narrowing(&self, session: &Session, left: &Window, limits: &Limits) {
        let closes = session.lasts_by().document().ends;
        let closes = session.narrowed().cap.map_or(closes, |cap| cap.ends);
        let sudo: Vec<String> = left.sudo.iter().map(ToString::to_string).collect();
        let mut event = Event::new(Action::SessionNarrowed)
            .outcome(Outcome::Done)
            .by(session.identity())
            .on(self.resource(session))
            .from(session.origin(None))
            .detail("closes", closes.to_string())
            .detail("sudo", sudo);
        if let Some(by) = limits.by() {
            event = event.detail("by", by.to_string());
        }
        self.shared.setup.intake.note(&event);
    }
}

/// The earlier end of a window that was narrowed.
fn cap(window: &FrozenWindow, limits: &Limits) -> Option<Cap> {
    let document = window.document();
    let ends = limits.left_of(document).ends;
    if ends >= document.ends {
        return None;
    }
    let now = Time::from(std::time::SystemTime::now());
    let left = u64::try_from(ends.since(now)).unwrap_or(0);
    let since_boot = u64::try_from(since_boot().as_millis()).unwrap_or(u64::MAX);
    Some(Cap {
        window: document.id,
        ends,
        since_boot: since_boot.saturating_add(left.saturating_mul(1000)),
    })
}

#[cfg(test)]
mod tests {
    use daypass_protocol::digest::Digest;
    use daypass_protocol::narrowing::{Narrowing, Verb};

    use super::*;
    use crate::fixture::NOW;

    #[test]
    fn what_narrows_an_extension_holds_for_whoever_lasts_by_it() {
        let ca = crate::fixture::Ca::new();
        let kept = |item: &str| {
            let narrowing = Narrowing {
                v: daypass_protocol::version::Version,
                verb: Verb::Narrow,
                window: Digest::of("a window"),
                ca: ca.pin,
                signer: "alice".parse().unwrap(),
                time: Time::from_unix(NOW),
                expires: Time::from_unix(NOW),
                ends: None,
                hosts: None,
                accounts: None,
                sudo: Some(vec![item.parse().unwrap()]),
            };
            Limits::unverified([&narrowing])
        };
        let window = ca.window(&["/usr/bin/id", "/usr/bin/true"]);
        let mut narrowed = Narrowed::at_first(&window, kept("/usr/bin/id"));
        let sudo = |narrowed: &Narrowed| narrowed.left_of(window.document()).sudo;
        assert_eq!(sudo(&narrowed), ["/usr/bin/id".parse().unwrap()]);
        // Its own window is over, and what narrowed it forgotten.
        narrowed.limits = Limits::default();
        narrowed.extension = kept("/usr/bin/true");
        assert_eq!(sudo(&narrowed), ["/usr/bin/true".parse().unwrap()]);
    }
}
