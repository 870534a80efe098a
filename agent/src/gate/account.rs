//! PAM's account phase: gate 2 of sshd, and the one gate of the other doors.

use std::sync::Arc;

use daypass_gate::{Caller, Response};
use daypass_protocol::event::{Action, Event, Origin, Outcome};
use daypass_protocol::sudo_item::SudoItem;

use super::flood::with_untold;
use super::principals::{GATE_3, origin};
use super::turned_away::Judged;
use super::{Gates, account_identity, allow};
use crate::diagnostic;
use crate::facts::{Peer, connection_of};
use crate::managed::Managed;

impl Gates {
    pub(super) fn account(self: &Arc<Self>, peer: &Peer, caller: &Caller) -> Response {
        let Ok(managed) = self.managed() else {
            // The module could not read it either, and lets pass whoever sshd's Match block does not stop.
            return Response::Ignore;
        };
        match caller.service.as_str() {
            "sshd" => self.sshd_account(peer, caller, &managed),
            "sudo" | "sudo-i" | "daypass-sudo" => self.sudo_account(peer, caller, &managed),
            "su" | "su-l" => self.su_account(peer, caller, &managed),
            _ => self.door(caller, &managed),
        }
    }

    fn sshd_account(self: &Arc<Self>, peer: &Peer, caller: &Caller, managed: &Managed) -> Response {
        let Some(uid) = self.managed_uid(managed, &caller.user) else {
            return allow();
        };
        let monitor = peer.handle.process();
        // One that came before the agent is met only here. Where that fails, gate 3 refuses it.
        if self.verdicts.is_older(monitor) {
            let _ = self.meet(&peer.handle, connection_of(monitor));
        }
        match self.verdicts.allows(monitor, uid) {
            Ok(()) => {
                self.verdicts.pass_account(monitor);
                self.expect_gate_3(peer.handle.clone(), GATE_3);
                allow()
            }
            Err(reason) => {
                let reason = reason.unwrap_or_else(|| diagnostic::NO_CERTIFICATE.to_owned());
                let event = self
                    .denied(caller, Some(uid), "no-verdict", &reason)
                    .detail("gate", 2);
                let from = connection_of(monitor);
                self.turned_away.judged(Judged {
                    monitor: monitor.pid,
                    from,
                    is_told: true,
                });
                self.intake.note(&event.from(origin(from)));
                Response::deny(&diagnostic::login_refused(&reason))
            }
        }
    }

    /// Whether the administrator leaves this door open to the account at all times.
    fn is_left_open(&self, managed: &Managed, uid: u32, service: &str) -> bool {
        let mut allowed = self.config.allow.iter();
        allowed.any(|allow| allow.service.is(service) && managed.uid(&allow.account) == Some(uid))
    }

    /// cron, atd, systemd-user, login: open to a managed account only while somebody is in, or where they are left open.
    fn door(&self, caller: &Caller, managed: &Managed) -> Response {
        let Some(uid) = self.managed_uid(managed, &caller.user) else {
            return Response::Ignore;
        };
        // logind starts the user manager from pam_systemd, just before gate 3.
        let comes_in = caller.service == "systemd-user" && self.verdicts.any_allowed(uid);
        let is_left_open = || self.is_left_open(managed, uid, &caller.service);
        if self.sessions.any_open(uid) || comes_in || is_left_open() {
            return allow();
        }
        self.refuse_door(caller, uid, "no-session", diagnostic::NO_SESSION)
    }

    fn refuse_door(&self, caller: &Caller, uid: u32, code: &str, message: &str) -> Response {
        if let Some(untold) = self.flood.tell(None) {
            let event = self
                .denied(caller, Some(uid), code, message)
                .from(tty_origin(caller));
            self.intake.note(&with_untold(event, untold));
        }
        Response::deny(message)
    }

    /// su: out of a session only where its window grants everything, into a managed account only for root, or where that
    /// door is left open.
    fn su_account(&self, peer: &Peer, caller: &Caller, managed: &Managed) -> Response {
        let process = peer.handle.process();
        let Ok(ids) = process.ids() else {
            return Response::Ignore;
        };
        let session = self.sessions.of(process, &ids);
        if managed.contains(ids.real_uid) {
            let all = |item: &SudoItem| *item == SudoItem::All;
            let granted = session
                .as_ref()
                .is_some_and(|s| s.is_open() && s.sudo().iter().any(all));
            if !granted {
                return self.refuse_door(
                    caller,
                    ids.real_uid,
                    "su-not-granted",
                    diagnostic::SU_NOT_GRANTED,
                );
            }
        } else if ids.real_uid != 0
            && let Some(uid) = self.managed_uid(managed, &caller.user)
            && !self.is_left_open(managed, uid, &caller.service)
        {
            return self.refuse_door(caller, uid, "su-into-managed", diagnostic::SU_INTO_MANAGED);
        }
        allow()
    }

    pub(super) fn denied(
        &self,
        caller: &Caller,
        uid: Option<u32>,
        code: &str,
        reason: &str,
    ) -> Event {
        Event::new(Action::LoginDenied)
            .outcome(Outcome::Denied)
            .because(code, reason)
            .by(account_identity(&caller.user, uid))
            .on(self.resource(&caller.service, Some(&caller.user)))
    }
}

/// What PAM says of where somebody sits.
pub(super) fn tty_origin(caller: &Caller) -> Origin {
    let tty = (!caller.tty.is_empty()).then(|| caller.tty.clone());
    Origin {
        address: caller.rhost.parse().ok(),
        tty,
        ..Origin::default()
    }
}

#[cfg(test)]
mod tests;
