//! What gate 1 decided, bound to the monitor, the uid and the exact certificate, until gate 3 consumes it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use daypass_protocol::digest::Digest;

use super::admission::Refusal;
use crate::facts::{Endpoint, Process};

/// Monitors that are remembered at once: sshd's own MaxStartups is far below.
const MONITORS: usize = 2048;
/// Certificates that one monitor may show: sshd's MaxAuthTries is 6 by default.
const CERTIFICATES: usize = 32;

/// What a certificate says of itself, for the journal of a refusal: nothing of it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) key_id: String,
    pub(super) serial: u64,
}

/// A refusal to be journalled when the monitor exits.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    pub(super) account: String,
    pub(super) uid: u32,
    pub(super) shown: Shown,
    pub(super) code: &'static str,
    pub(super) reason: String,
}

/// What came of gate 1 for one certificate.
#[derive(Debug, Clone)]
pub(super) enum Verdict {
    Allowed,
    Refused(Refused),
}

/// One connection, before its session.
#[derive(Debug, Default)]
pub(super) struct Knocking {
    pub(super) origin: Option<Endpoint>,
    verdicts: BTreeMap<(u32, Digest), Verdict>,
    passed_account: bool,
    has_session: bool,
}

/// All connections between gate 1 and gate 3.
///
/// An agent that starts anew does not know what the one before it said at gate 1. sshd does: without that yes it would
/// not have let the connection come as far as PAM. So for a monitor that is older than the agent nothing is missing where
/// no verdict is known, and gate 3 decides in full about the certificate that sshd shows.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    knocking: Mutex<BTreeMap<Process, Knocking>>,
    /// When the agent started, in clock ticks since boot.
    since: u64,
}

/// Whether a monitor was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    First,
    Again,
}

impl Verdicts {
    /// Of an agent that started then.
    pub(super) fn since(since: u64) -> Self {
        Self {
            since,
            ..Self::default()
        }
    }

    /// Whether this connection may have passed gate 1 before the agent started.
    pub(super) fn is_older(&self, monitor: Process) -> bool {
        monitor.start < self.since
    }

    /// Remembers a connection.
    pub(super) fn meet(&self, monitor: Process, origin: Option<Endpoint>) -> Result<Seen, Refusal> {
        let mut knocking = self.lock();
        if knocking.contains_key(&monitor) {
            return Ok(Seen::Again);
        }
        if knocking.len() >= MONITORS {
            return Err(Refusal::Busy);
        }
        knocking.insert(
            monitor,
            Knocking {
                origin,
                ..Knocking::default()
            },
        );
        Ok(Seen::First)
    }

    /// Where this connection comes from, as far as gate 1 saw.
    pub(super) fn origin(&self, monitor: Process) -> Option<Endpoint> {
        self.lock().get(&monitor)?.origin
    }

    /// Notes a verdict in place of what was noted for the same certificate; whether there was room.
    pub(super) fn note(
        &self,
        monitor: Process,
        uid: u32,
        certificate: Digest,
        verdict: Verdict,
    ) -> bool {
        let mut knocking = self.lock();
        let Some(entry) = knocking.get_mut(&monitor) else {
            return false;
        };
        let key = (uid, certificate);
        let room = entry.verdicts.len() < CERTIFICATES || entry.verdicts.contains_key(&key);
        if room {
            entry.verdicts.insert(key, verdict);
        }
        room
    }

    /// Whether gate 1 allowed some certificate of this connection for this uid; else why the last was refused.
    pub(super) fn allows(&self, monitor: Process, uid: u32) -> Result<(), Option<String>> {
        let knocking = self.lock();
        let verdicts = knocking
            .get(&monitor)
            .into_iter()
            .flat_map(|entry| &entry.verdicts);
        let mut reason = None;
        for (_, verdict) in verdicts.filter(|((known, _), _)| *known == uid) {
            match verdict {
                Verdict::Allowed => return Ok(()),
                Verdict::Refused(refused) => reason = Some(refused.reason.clone()),
            }
        }
        match reason {
            None if self.is_older(monitor) => Ok(()),
            reason => Err(reason),
        }
    }

    /// Gate 2 was passed: gate 3 must follow.
    pub(super) fn pass_account(&self, monitor: Process) {
        if let Some(entry) = self.lock().get_mut(&monitor) {
            entry.passed_account = true;
        }
    }

    /// Whether gate 2 was passed and gate 3 has not followed.
    pub(super) fn awaits_session(&self, monitor: Process) -> bool {
        self.lock()
            .get(&monitor)
            .is_some_and(|entry| entry.passed_account)
    }

    /// Takes the allowing verdict for exactly this certificate. It serves once.
    pub(super) fn consume(
        &self,
        monitor: Process,
        uid: u32,
        certificate: Digest,
    ) -> Result<(), Refusal> {
        let mut knocking = self.lock();
        let entry = knocking
            .get_mut(&monitor)
            .ok_or(Refusal::OtherCertificate)?;
        entry.passed_account = false;
        let is_first = !std::mem::replace(&mut entry.has_session, true);
        let shown = entry.verdicts.remove(&(uid, certificate));
        // Whatever else was allowed on this connection is of no use any more: it has its session.
        entry
            .verdicts
            .retain(|_, verdict| matches!(verdict, Verdict::Refused(_)));
        match shown {
            Some(Verdict::Allowed) => Ok(()),
            None if is_first && self.is_older(monitor) => Ok(()),
            _ => Err(Refusal::OtherCertificate),
        }
    }

    /// Whether some connection is on its way in as this uid.
    pub(super) fn any_allowed(&self, uid: u32) -> bool {
        let is_allowed = |entry: &Knocking| {
            entry
                .verdicts
                .iter()
                .any(|((known, _), verdict)| *known == uid && matches!(verdict, Verdict::Allowed))
        };
        self.lock().values().any(is_allowed)
    }

    /// Uids for which this connection was allowed in.
    pub(super) fn allowed_uids(&self, monitor: Process) -> Vec<u32> {
        let knocking = self.lock();
        let verdicts = knocking
            .get(&monitor)
            .into_iter()
            .flat_map(|entry| &entry.verdicts);
        verdicts
            .filter(|(_, verdict)| matches!(verdict, Verdict::Allowed))
            .map(|((uid, _), _)| *uid)
            .collect()
    }

    /// The monitor has ended: what it was refused, and where it came from.
    pub(super) fn forget(&self, monitor: Process) -> (Option<Endpoint>, Vec<Refused>) {
        let Some(entry) = self.lock().remove(&monitor) else {
            return (None, Vec::new());
        };
        let refused = entry
            .verdicts
            .into_values()
            .filter_map(|verdict| match verdict {
                Verdict::Refused(refused) => Some(refused),
                Verdict::Allowed => None,
            });
        (entry.origin, refused.collect())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Process, Knocking>> {
        self.knocking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONITOR: Process = Process { pid: 100, start: 5 };

    #[test]
    fn a_connection_older_than_the_agent_lacks_no_verdict_once_and_a_younger_one_does() {
        let certificate = || Digest::of("certificate");
        for (since, may) in [(6, true), (5, false)] {
            let verdicts = Verdicts::since(since);
            verdicts.meet(MONITOR, None).unwrap();
            assert_eq!(verdicts.allows(MONITOR, 1001).is_ok(), may);
            assert_eq!(verdicts.consume(MONITOR, 1001, certificate()).is_ok(), may);
            assert!(verdicts.consume(MONITOR, 1001, certificate()).is_err());
        }
        // What this agent itself has refused stays refused.
        let verdicts = Verdicts::since(6);
        verdicts.meet(MONITOR, None).unwrap();
        verdicts.note(MONITOR, 1001, certificate(), refused("no"));
        assert!(verdicts.allows(MONITOR, 1001).is_err());
        assert!(verdicts.consume(MONITOR, 1001, certificate()).is_err());
    }

    fn refused(reason: &str) -> Verdict {
        let shown = Shown {
            key_id: String::new(),
            serial: 1,
        };
        Verdict::Refused(Refused {
            account: "deploy".to_owned(),
            uid: 1001,
            shown,
            code: "x",
            reason: reason.to_owned(),
        })
    }

    fn met() -> Verdicts {
        let verdicts = Verdicts::default();
        assert_eq!(verdicts.meet(MONITOR, None).unwrap(), Seen::First);
        assert_eq!(verdicts.meet(MONITOR, None).unwrap(), Seen::Again);
        verdicts
    }

    #[test]
    fn a_verdict_holds_for_its_monitor_uid_and_certificate_only() {
        let certificate = Digest::of(b"one");
        let consume = |monitor, uid, shown| {
            let verdicts = met();
            assert!(verdicts.note(MONITOR, 1001, certificate, Verdict::Allowed));
            verdicts.consume(monitor, uid, shown)
        };
        let reused = Process {
            start: 6,
            ..MONITOR
        };
        assert!(consume(reused, 1001, certificate).is_err());
        assert!(consume(MONITOR, 1002, certificate).is_err());
        assert!(consume(MONITOR, 1001, Digest::of(b"two")).is_err());
        assert!(consume(MONITOR, 1001, certificate).is_ok());
    }

    #[test]
    fn a_verdict_serves_once_and_not_after_another_certificate_was_shown() {
        let certificate = Digest::of(b"one");
        for first in [b"one", b"two"] {
            let verdicts = met();
            verdicts.note(MONITOR, 1001, certificate, Verdict::Allowed);
            let _ = verdicts.consume(MONITOR, 1001, Digest::of(first));
            assert!(verdicts.consume(MONITOR, 1001, certificate).is_err());
        }
    }

    #[test]
    fn each_call_replaces_the_verdict_on_the_same_certificate() {
        let verdicts = met();
        let certificate = Digest::of(b"one");
        verdicts.note(MONITOR, 1001, certificate, Verdict::Allowed);
        verdicts.note(MONITOR, 1001, certificate, refused("revoked meanwhile"));
        assert_eq!(
            verdicts.allows(MONITOR, 1001),
            Err(Some("revoked meanwhile".to_owned()))
        );
        assert!(verdicts.consume(MONITOR, 1001, certificate).is_err());
        verdicts.note(MONITOR, 1001, certificate, Verdict::Allowed);
        assert_eq!(verdicts.allows(MONITOR, 1001), Ok(()));
        assert_eq!(verdicts.allows(MONITOR, 1002), Err(None));
    }

    #[test]
    fn a_connection_has_one_session() {
        let verdicts = met();
        for certificate in [b"one", b"two"] {
            verdicts.note(MONITOR, 1001, Digest::of(certificate), Verdict::Allowed);
        }
        assert!(verdicts.consume(MONITOR, 1001, Digest::of(b"one")).is_ok());
        assert!(verdicts.allowed_uids(MONITOR).is_empty());
        assert!(!verdicts.any_allowed(1001));
    }

    #[test]
    fn refusals_are_told_once_when_the_monitor_ends() {
        let verdicts = met();
        verdicts.note(MONITOR, 1001, Digest::of(b"one"), refused("a"));
        verdicts.note(MONITOR, 1001, Digest::of(b"one"), refused("b"));
        verdicts.note(MONITOR, 1001, Digest::of(b"two"), Verdict::Allowed);
        assert_eq!(verdicts.forget(MONITOR).1.len(), 1);
        assert!(verdicts.forget(MONITOR).1.is_empty());
    }

    #[test]
    fn a_connection_cannot_fill_the_memory() {
        let verdicts = met();
        let noted = (0..1000u32)
            .filter(|n| verdicts.note(MONITOR, 1001, Digest::of(n.to_be_bytes()), refused("x")))
            .count();
        assert_eq!(noted, CERTIFICATES);
    }
}
