//! Gate 3: PAM's session phase, the first moment at which sshd shows the certificate that really logged in.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use daypass_gate::{Caller, Response};
use daypass_protocol::digest::Digest;
use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::grant;
use daypass_protocol::time::Time;
use serde_json::Value;

use super::admission::{Admission, Refusal};
use super::principals::origin;
use super::{Gates, allow};
use crate::facts::{FactError, Handle, Peer, Process, since_boot, stamp_now};
use crate::intake::NotCommitted;
use crate::managed::Managed;
use crate::sessions::{GidError, Record, Session, SessionId, Sudo, cut_off, scope_led_by};
use crate::sudoers::SudoersError;
use crate::{diagnostic, durable};

/// A refusal leaves `ssh -N` connected: the monitor has this long to pass the message on.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why gate 3 lets nobody through.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the session's group is not to be had: {0}")]
    Gid(#[from] GidError),
    #[error("the session's sudo rules are not in place: {0}")]
    Sudoers(#[from] SudoersError),
    #[error("the session cannot be noted: {0}")]
    Record(#[from] durable::Error),
    #[error("the session cannot be watched: {0}")]
    Watch(#[from] io::Error),
    #[error("{}", diagnostic::NO_JOURNAL)]
    Journal(#[from] NotCommitted),
    #[error("this login has ended")]
    Gone(#[from] FactError),
}

impl SessionError {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Gid(_) => "no-session-group",
            Self::Sudoers(_) => "sudo-rules",
            Self::Record(_) => "not-noted",
            Self::Watch(_) => "not-watched",
            Self::Journal(_) => "journal-down",
            Self::Gone(_) => "gone",
        }
    }
}

impl Gates {
    pub(super) fn session_open(
        self: &Arc<Self>,
        peer: &Peer,
        caller: &Caller,
        handle: u64,
        auth_info: &str,
    ) -> Response {
        match caller.service.as_str() {
            "sudo" | "sudo-i" | "daypass-sudo" => self.sudo_open(peer, caller, handle),
            "sshd" => {
                let Ok(managed) = self.managed() else {
                    return Response::Ignore;
                };
                match self.managed_uid(&managed, &caller.user) {
                    Some(uid) => self.gate_3(peer, caller, uid, auth_info, &managed),
                    None => self.other_opens(peer, caller),
                }
            }
            _ => self.other_opens(peer, caller),
        }
    }

    pub(super) fn session_close(
        self: &Arc<Self>,
        peer: &Peer,
        caller: &Caller,
        handle: u64,
    ) -> Response {
        let session = SessionId::from_handle(handle).and_then(|id| self.sessions.by_id(id));
        match session {
            // Only the monitor itself can say that its session is over.
            Some(session) if session.record.monitor == peer.handle.process() => {
                self.sessions.close(&session);
            }
            _ if caller.service.contains("sudo") => self.sudo_close(handle),
            _ => self.other_closes(handle),
        }
        allow()
    }

    fn gate_3(
        self: &Arc<Self>,
        peer: &Peer,
        caller: &Caller,
        uid: u32,
        auth_info: &str,
        managed: &Managed,
    ) -> Response {
        match self.let_in(peer, caller, uid, auth_info, managed) {
            Ok(session) => Response::Allow {
                handle: session.record.id.handle(),
                session_gid: session.record.gid,
            },
            Err(error) => {
                let monitor = peer.handle.clone();
                self.alarm
                    .at(Instant::now() + FAREWELL, move || cut_off(&monitor));
                let event = self
                    .denied(caller, Some(uid), error.code(), &error.to_string())
                    .detail("gate", 3);
                self.intake
                    .note(&event.from(origin(self.connection_of(peer.handle.process()))));
                Response::deny(&diagnostic::login_refused(&error.to_string()))
            }
        }
    }

    fn let_in(
        &self,
        peer: &Peer,
        caller: &Caller,
        uid: u32,
        auth_info: &str,
        managed: &Managed,
    ) -> Result<Arc<Session>, SessionError> {
        let certificate = only_certificate(auth_info).ok_or(Refusal::OtherCertificate)?;
        self.verdicts
            .consume(peer.handle.process(), uid, Digest::of(&certificate))?;
        let endpoint = self.connection_of(peer.handle.process());
        let from = endpoint.map(|endpoint| endpoint.address);
        let admission = self.decide(managed, &caller.user, &certificate, from)?;
        let record = self.record(peer, caller, uid, &admission)?;
        self.set_up(peer, record, &admission, &certificate)
    }

    /// In this order: the note, the watch, the rules, the entry. Only then is anybody answered.
    fn set_up(
        &self,
        peer: &Peer,
        record: Record,
        admission: &Admission,
        certificate: &[u8],
    ) -> Result<Arc<Session>, SessionError> {
        record.store(&self.layout.sessions())?;
        let (window, limits) = (admission.window.clone(), admission.limits.clone());
        let session = self
            .sessions
            .register(record, window, limits, &peer.handle)?;
        let let_in = || {
            self.sessions.grant_sudo(&session)?;
            let opened = self.opened(&session, admission, certificate);
            self.intake.commit(&opened)?;
            Ok::<_, SessionError>(opened)
        };
        let opened = match let_in() {
            Ok(opened) => opened,
            Err(error) => {
                self.sessions.forget(&session);
                return Err(error);
            }
        };
        self.sessions.prolong(&session);
        // A state that came meanwhile may have been heeded before this session was there.
        self.sessions.heed_one(&session, &self.authority.snapshot());
        let _ = self.end_after(&session, &opened, None);
        Ok(session)
    }

    fn record(
        &self,
        peer: &Peer,
        caller: &Caller,
        uid: u32,
        admission: &Admission,
    ) -> Result<Record, SessionError> {
        let monitor = peer.handle.process();
        let endpoint = self.connection_of(monitor);
        let now = SystemTime::now();
        let left = admission.closes.unix_unsigned().saturating_mul(1000);
        let left = left.saturating_sub(milliseconds(
            now.duration_since(UNIX_EPOCH).unwrap_or_default(),
        ));
        let since_boot = milliseconds(since_boot());
        Ok(Record {
            v: 1,
            id: SessionId::random()?,
            monitor,
            account: caller.user.clone(),
            uid,
            gid: Some(self.gids.take()?),
            window: admission.window.text().to_owned(),
            serial: admission.profile.serial(),
            key: admission.profile.key(),
            address: endpoint.map(|endpoint| endpoint.address),
            port: endpoint.map(|endpoint| endpoint.port),
            scope: scope_led_by(monitor),
            audit: own_audit_session(monitor),
            opened: Time::from(now),
            opened_since_boot: since_boot,
            opened_stamp: Some(stamp_now()),
            closes: admission.closes,
            closes_since_boot: since_boot.saturating_add(left),
            extension: None,
            closed: false,
        })
    }

    fn opened(&self, session: &Session, admission: &Admission, certificate: &[u8]) -> Event {
        let approvers: Vec<String> = admission
            .approvers
            .iter()
            .map(ToString::to_string)
            .collect();
        let sudo: Vec<String> = admission.sudo.iter().map(ToString::to_string).collect();
        let mut event = Event::new(Action::SessionOpen)
            .outcome(Outcome::Allowed)
            .by(session.identity())
            .on(self.resource("sshd", Some(&session.record.account)))
            .from(session.origin(None))
            .detail("window_hash", admission.window.hash().to_string())
            .detail("approved_by", approvers)
            .detail("closes", session.record.closes.to_string())
            .detail("monitor", session.record.monitor.pid)
            .detail("roster", admission.roster);
        let Record {
            gid, scope, audit, ..
        } = &session.record;
        let marks = [
            ("group", gid.map(Value::from)),
            ("scope", scope.clone().map(Value::from)),
            ("audit", audit.map(Value::from)),
        ];
        for (name, mark) in marks {
            if let Some(mark) = mark {
                event = event.detail(name, mark);
            }
        }
        let certificate = STANDARD.encode(certificate);
        let listed: usize = sudo.iter().map(|item| 2 * item.len() + 3).sum();
        // The certificate has the items, too: where both do not fit into an entry, it alone stays.
        if certificate.len() + listed <= ENTRY_ROOM {
            event = event.detail("sudo", sudo);
        }
        if certificate.len() <= ENTRY_ROOM {
            event = event.detail("certificate", certificate);
        }
        if admission
            .sudo
            .iter()
            .any(daypass_protocol::sudo_item::SudoItem::is_root_equivalent)
        {
            event = event.detail("root_equivalent", true);
        }
        if let Sudo::Taken { by } = self.sessions.sudo_of(session) {
            event = event.detail("sudo_taken_by", by.to_string());
        }
        if admission.kind == grant::Admission::OutsideHours {
            event = event.detail("outside_hours", true);
        }
        event
    }
}

/// Bytes that the certificate and the sudo items may take in an entry, which has 65,535 in all. No certificate of ours
/// takes so many.
const ENTRY_ROOM: usize = 60_000;

/// The one certificate that sshd names, when it names one and no other key.
fn only_certificate(auth_info: &str) -> Option<Vec<u8>> {
    let mut lines = auth_info.lines().filter(|line| !line.is_empty());
    let (line, None) = (lines.next()?, lines.next()) else {
        return None;
    };
    let mut words = line.split(' ');
    let ("publickey", kind, certificate, None) =
        (words.next()?, words.next()?, words.next()?, words.next())
    else {
        return None;
    };
    if !kind.ends_with("-cert-v01@openssh.com") {
        return None;
    }
    STANDARD.decode(certificate).ok()
}

/// The monitor's audit session, when it is not one that it shares with what started it: an sshd started by hand stands
/// in the admin's.
fn own_audit_session(monitor: Process) -> Option<u32> {
    let own = monitor.audit_session()?;
    let parent = Handle::open(monitor.parent().ok()?).ok()?;
    (parent.process().audit_session() != Some(own)).then_some(own)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_certificate_line_counts() {
        let line = "publickey ssh-ed25519-cert-v01@openssh.com QUJD\n";
        assert_eq!(only_certificate(line).unwrap(), b"ABC");
        for bad in [
            "",
            "publickey ssh-ed25519 QUJD\n",
            "password\n",
            "publickey ssh-ed25519-cert-v01@openssh.com QUJD extra\n",
            "publickey ssh-ed25519-cert-v01@openssh.com !!\n",
            "keyboard-interactive/pam\npublickey ssh-ed25519-cert-v01@openssh.com QUJD\n",
        ] {
            assert!(only_certificate(bad).is_none(), "{bad:?}");
        }
        assert!(only_certificate(&line.repeat(2)).is_none());
    }
}
