//! Gate 1: sshd's `AuthorizedPrincipalsCommand`. It runs before possession of the key is proven, and more than once, so
//! its verdict reserves nothing and writes nothing but itself.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use daypass_gate::Response;
use daypass_protocol::digest::Digest;
use daypass_protocol::event::{Action, Event, Origin, Outcome};

use super::admission::{Admission, Refusal};
use super::flood::with_untold;
use super::turned_away::Judged;
use super::verdict::{Refused, Seen, Shown, Verdict};
use super::{Gates, account_identity};
use crate::diagnostic;
use crate::facts::{Endpoint, FactError, Handle, Peer, Process, connection_of, descendants};
use crate::sessions::cut_off;

/// How long a login may stand in the account without having passed gate 3.
pub(super) const GATE_3: Duration = Duration::from_secs(30);
/// Between two looks at a login whose key has not been proven yet: somebody may be typing a passphrase.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

impl Gates {
    pub(super) fn principals(
        self: &Arc<Self>,
        peer: &Peer,
        user: &str,
        certificate: &str,
        shown: &Shown,
    ) -> Response {
        // Without the monitor there is nothing to bind a verdict to.
        let Ok(monitor) = monitor_of(peer) else {
            return Response::deny(diagnostic::NO_CERTIFICATE);
        };
        match self.decide_for(&monitor, user, certificate, shown) {
            Ok(admission) => Response::Admit {
                principal: admission.window.document().id.to_string(),
            },
            Err(refusal) => Response::deny(&refusal.to_string()),
        }
    }

    fn decide_for(
        self: &Arc<Self>,
        monitor: &Handle,
        user: &str,
        certificate: &str,
        shown: &Shown,
    ) -> Result<Admission, Refusal> {
        let managed = self.managed()?;
        let uid = self.managed_uid(&managed, user);
        let uid = uid.ok_or_else(|| Refusal::NotManaged(user.to_owned()))?;
        let process = monitor.process();
        let origin = self.connection_of(process);
        self.meet(monitor, origin)?;
        let bytes = STANDARD
            .decode(certificate)
            .map_err(|_| Refusal::Encoding)?;
        let decision = self.decide(&managed, user, &bytes, origin.map(|origin| origin.address));
        let verdict = match &decision {
            Ok(_) => Verdict::Allowed,
            Err(refusal) => Verdict::Refused(Refused {
                account: user.to_owned(),
                uid,
                shown: shown.clone(),
                code: refusal.code(),
                reason: refusal.to_string(),
            }),
        };
        if !self
            .verdicts
            .note(process, uid, Digest::of(&bytes), verdict)
        {
            return Err(Refusal::Busy);
        }
        if let Ok(admission) = &decision {
            self.expect_gate_3(monitor.clone(), GATE_3);
            self.prepare(uid, admission);
        }
        decision
    }

    /// What gate 3 would have to wait for is begun while sshd proves the key.
    fn prepare(&self, uid: u32, admission: &Admission) {
        let (sessions, items) = (self.sessions.clone(), admission.sudo.clone());
        let prepare = move || {
            // Where that fails gate 3 meets the same failure, and tells of it.
            let _ = sessions.prepare_sudo(uid, &items);
        };
        // Without a thread, gate 3 does it.
        let _ = thread::Builder::new()
            .name("prepare".to_owned())
            .stack_size(256 * 1024)
            .spawn(prepare);
    }

    /// The far end of a login's connection, looked for once: the lists of a busy host are long.
    pub(super) fn connection_of(&self, monitor: Process) -> Option<Endpoint> {
        let known = self.verdicts.origin(monitor);
        known.or_else(|| connection_of(monitor))
    }

    /// Remembers a connection until its end.
    pub(super) fn meet(
        self: &Arc<Self>,
        monitor: &Handle,
        origin: Option<Endpoint>,
    ) -> Result<(), Refusal> {
        let process = monitor.process();
        if self.verdicts.meet(process, origin)? == Seen::First {
            let gates = Arc::clone(self);
            self.watch
                .on_end(monitor, move || gates.monitor_ended(process))
                .map_err(|_| Refusal::Busy)?;
        }
        Ok(())
    }

    /// A session phase may be missing altogether: whoever stands in the account without having passed gate 3 is out.
    pub(super) fn expect_gate_3(self: &Arc<Self>, monitor: Handle, patience: Duration) {
        let gates = Arc::clone(self);
        self.alarm.at(Instant::now() + patience, move || {
            gates.look_for_gate_3(monitor);
        });
    }

    fn look_for_gate_3(self: &Arc<Self>, monitor: Handle) {
        let process = monitor.process();
        let uids = self.verdicts.allowed_uids(process);
        if !monitor.is_alive() || uids.is_empty() && !self.verdicts.awaits_session(process) {
            return;
        }
        let is_in = |pid: &i32| {
            let ids = Process::with_pid(*pid).and_then(Process::ids);
            ids.is_ok_and(|ids| uids.contains(&ids.real_uid))
        };
        if self.verdicts.awaits_session(process) || descendants(process.pid).iter().any(is_in) {
            self.journal_absent_gate(process);
            cut_off(&monitor);
        } else {
            self.expect_gate_3(monitor, LOOK_AGAIN);
        }
    }

    fn journal_absent_gate(&self, monitor: Process) {
        let event = Event::new(Action::GateAbsent)
            .outcome(Outcome::Denied)
            .because(
                "no-session-phase",
                "a login stood without PAM's session phase, and was cut off",
            )
            .on(self.resource("sshd", None))
            .from(origin(connection_of(monitor)));
        self.intake.note(&event);
    }

    /// The connection is over: what gate 1 refused is journalled now, once.
    fn monitor_ended(&self, monitor: Process) {
        let (endpoint, refused) = self.verdicts.forget(monitor);
        self.turned_away.judged(Judged {
            monitor: monitor.pid,
            from: endpoint,
            is_told: !refused.is_empty(),
        });
        for refused in refused {
            let Some(untold) = self.flood.tell(endpoint.map(|endpoint| endpoint.address)) else {
                continue;
            };
            let event = Event::new(Action::LoginDenied)
                .outcome(Outcome::Denied)
                .because(refused.code, refused.reason)
                .by(account_identity(&refused.account, Some(refused.uid)))
                .on(self.resource("sshd", Some(&refused.account)))
                .from(origin(endpoint))
                .detail("gate", 1)
                .detail(
                    "shown",
                    format!("{} serial {}", refused.shown.key_id, refused.shown.serial),
                );
            self.intake.note(&with_untold(event, untold));
        }
    }
}

/// The far end of a connection, for the journal.
pub(super) fn origin(endpoint: Option<Endpoint>) -> Origin {
    Origin {
        address: endpoint.map(|e| e.address),
        port: endpoint.map(|e| e.port),
        ..Origin::default()
    }
}

/// sshd's monitor: the parent of the helper, and root. The helper waits for its answer, so it cannot be an orphan that
/// somebody else took over without the parent changing in between.
fn monitor_of(peer: &Peer) -> Result<Handle, FactError> {
    let helper = peer.handle.process();
    let pid = helper.parent()?;
    let monitor = Handle::open(pid)?;
    let is_root = monitor.process().ids()?.real_uid == 0;
    if helper.parent()? == pid && is_root && pid > 1 {
        Ok(monitor)
    } else {
        Err(FactError::Gone { pid })
    }
}
