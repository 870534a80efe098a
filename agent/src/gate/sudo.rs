//! sudo's gate. Who calls is its real uid and its session, by the kernel, and not PAM_USER, which rootpw and targetpw
//! change. The request is journalled before it is answered; what follows is noted.

mod attendant;
mod call;
mod counted;
mod crowd;
mod listing;
mod refusal;
mod teller;
mod unasked;
mod whole;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use daypass_gate::{Caller, Response};
use daypass_protocol::event::{Action, MAX_LINE, Outcome};

use super::{Gates, allow};
use crate::diagnostic;
use crate::facts::{Ids, Peer, Process};
use crate::managed::Managed;
use crate::sessions::{SessionId, Sudo as Granted};

pub(super) use call::Sudo;
pub(super) use counted::Counted;
pub(super) use crowd::Crowd;
use crowd::Place;
use teller::told;
pub(super) use unasked::Unasked;

/// Sudo calls that are followed at once; more are journalled at their request only.
const MOST: usize = 16 * 1024;
/// With `-b` a forked process opens the session, maybe after the first has gone.
const BACKGROUND: Duration = Duration::from_secs(2);

/// Sudo calls between their request and their end.
#[derive(Debug, Default)]
pub(super) struct Sudos {
    live: Mutex<BTreeMap<u64, Sudo>>,
}

impl Sudos {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Sudo>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gates {
    pub(super) fn sudo_account(
        self: &Arc<Self>,
        peer: &Peer,
        caller: &Caller,
        managed: &Managed,
    ) -> Response {
        let process = peer.handle.process();
        let Ok(ids) = process.ids() else {
            return Response::Ignore;
        };
        self.unasked.has_asked(process);
        let session = self.sessions.of(process, &ids);
        let sudo = self.sudo(process, &ids, session.as_deref(), caller);
        // Only managed uids are ever refused; our own PAM service is for contractors' sessions alone.
        let is_guarded = managed.contains(ids.real_uid) || caller.service == "daypass-sudo";
        // A command that nobody can read would be allowed without a trace of what it was.
        if is_guarded && !sudo.is_legible {
            return Response::Ignore;
        }
        let granted = session
            .as_ref()
            .filter(|session| session.is_open())
            .map(|session| (session, self.sessions.sudo_for(session, process)));
        match granted {
            Some((session, Granted::Granted)) => {
                // Before anything that waits for the disk.
                let place = self.crowd.come(session.record.id);
                if place.is_none() && is_guarded {
                    return self.refuse_crowded(&sudo, session);
                }
                if let Some(refused) = self.end_by_request(session, &sudo) {
                    return refused;
                }
                if let Err(refusal) = self.commit_request(place, &sudo, is_guarded) {
                    return refusal;
                }
            }
            _ if is_guarded => return self.refuse_sudo(&sudo, session.as_ref()),
            _ if session.is_none() && !self.journals_everyone() => return allow(),
            _ if session.is_none() && self.is_counted(process, &ids) => return allow(),
            _ => self.note_call(
                &sudo,
                sudo.event(self, Action::SudoRequest, Outcome::Allowed),
            ),
        }
        self.follow(peer, sudo)
    }

    /// What is granted is durable, and seen elsewhere, before it is answered: by whoever has a place to wait for that. Only
    /// those come without one who are never refused.
    fn commit_request(
        &self,
        place: Option<Place>,
        sudo: &Sudo,
        is_guarded: bool,
    ) -> Result<(), Response> {
        let request = sudo.event(self, Action::SudoRequest, Outcome::Allowed);
        let Some(_place) = place else {
            self.note_call(sudo, request);
            return Ok(());
        };
        match self.commit_call(sudo, request) {
            Err(_) if is_guarded => {
                let reason = diagnostic::login_refused(diagnostic::NO_JOURNAL);
                Err(Response::deny(&reason))
            }
            Ok(entry) if is_guarded && !self.evidence.has_left(entry.seq) => {
                Err(self.refuse_unwitnessed(sudo))
            }
            _ => Ok(()),
        }
    }

    fn is_counted(&self, process: Process, ids: &Ids) -> bool {
        if self.counted.is_empty() {
            return false;
        }
        // A longer line is journalled.
        let words = process.words(MAX_LINE).ok().flatten().unwrap_or_default();
        self.counted.takes(&self.names, ids.real_uid, &words)
    }

    /// Remembers a request until its end, under a handle that the next phases show again.
    fn follow(self: &Arc<Self>, peer: &Peer, mut sudo: Sudo) -> Response {
        sudo.let_go();
        let Ok(id) = SessionId::random() else {
            return allow();
        };
        let handle = id.handle();
        {
            let mut live = self.sudos.lock();
            if live.len() >= MOST {
                return allow();
            }
            live.insert(handle, sudo);
        }
        self.watch_sudo(peer, handle);
        told(handle)
    }

    fn watch_sudo(self: &Arc<Self>, peer: &Peer, handle: u64) {
        let (gates, process) = (Arc::clone(self), peer.handle.process());
        let watched = self
            .watch
            .on_end(&peer.handle, move || gates.sudo_ended(process, handle));
        if watched.is_err() {
            self.sudos.lock().remove(&handle);
        }
    }

    /// open_session: sudo's own policy has accepted. Nobody waits for this answer, so whoever told may end meanwhile.
    pub(super) fn sudo_open(
        self: &Arc<Self>,
        peer: &Peer,
        caller: &Caller,
        handle: u64,
    ) -> Response {
        let process = peer.handle.process();
        let moved = {
            let mut live = self.sudos.lock();
            let sudo = live.get_mut(&handle);
            if sudo.as_ref().is_some_and(|sudo| !sudo.is_told_by(peer)) {
                drop(live);
                self.sudo_was_open(caller, handle);
                return told(handle);
            }
            sudo.map(|sudo| {
                self.journal_start(sudo, caller);
                std::mem::replace(&mut sudo.watched, process) != process
            })
        };
        if moved == Some(true) {
            self.watch_sudo(peer, handle);
        }
        // The end may have been seen before the start was known; seen later, it finds nothing any more.
        if !peer.handle.is_alive() {
            self.sudo_close(handle);
        }
        told(handle)
    }

    /// The same, told by somebody who has gone since.
    pub(super) fn sudo_was_open(&self, caller: &Caller, handle: u64) {
        if let Some(sudo) = self.sudos.lock().get_mut(&handle) {
            self.journal_start(sudo, caller);
        }
        self.sudo_close(handle);
    }

    /// Under the lock, so that no end comes before it.
    fn journal_start(&self, sudo: &mut Sudo, caller: &Caller) {
        sudo.started = Some((Instant::now(), caller.user.clone()));
        self.intake
            .note(&sudo.event(self, Action::SudoStart, Outcome::Allowed));
    }

    pub(super) fn sudo_close(&self, handle: u64) {
        let sudo = self.sudos.lock().remove(&handle);
        if let Some(sudo) = sudo {
            self.journal_end(&sudo);
        }
    }

    /// The sudo process has ended without a word: killed, or its rules did not accept.
    fn sudo_ended(self: &Arc<Self>, process: Process, handle: u64) {
        let sudo = self.sudos.lock().get(&handle).cloned();
        match sudo {
            Some(sudo) if sudo.started.is_some() && sudo.watched == process => {
                self.sudo_close(handle);
            }
            Some(sudo) if sudo.started.is_none() => {
                let gates = Arc::clone(self);
                self.alarm.at(Instant::now() + BACKGROUND, move || {
                    gates.sudo_never_started(handle);
                });
            }
            _ => {}
        }
    }

    fn sudo_never_started(&self, handle: u64) {
        let mut live = self.sudos.lock();
        if live.get(&handle).is_none_or(|sudo| sudo.started.is_some()) {
            return;
        }
        let sudo = live.remove(&handle);
        drop(live);
        if let Some(sudo) = sudo.filter(|sudo| !sudo.lists) {
            let reason =
                "sudo ended without running it: its rules do not allow it, or it was interrupted";
            let event = sudo.event(self, Action::SudoDenied, Outcome::Denied);
            self.intake.note(&event.because("not-run", reason));
        }
    }

    fn journal_end(&self, sudo: &Sudo) {
        let Some((since, _)) = sudo.started else {
            return;
        };
        let event = sudo.event(self, Action::SudoEnd, Outcome::Done);
        self.intake
            .note(&event.detail("lived_seconds", since.elapsed().as_secs()));
    }
}

#[cfg(test)]
mod tests;
