//! Everybody else's logins: journalled without anybody waiting, never refused.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use daypass_gate::{Caller, Response};
use daypass_protocol::event::{Action, Event, Identity, Origin, Outcome, Resource};

use super::account::tty_origin;
use super::{Gates, account_identity, allow};
use crate::facts::{Peer, connection_of};
use crate::sessions::SessionId;

/// Logins that are remembered at once; more are journalled at their start only.
const MOST: usize = 16 * 1024;

/// Who is in without being under management.
#[derive(Debug, Default)]
pub(super) struct Logins {
    live: Mutex<BTreeMap<u64, Login>>,
}

#[derive(Debug)]
struct Login {
    identity: Identity,
    resource: Resource,
    origin: Origin,
    since: Instant,
}

impl Logins {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Login>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gates {
    pub(super) fn other_opens(self: &Arc<Self>, peer: &Peer, caller: &Caller) -> Response {
        let (true, Ok(id)) = (self.journals_everyone(), SessionId::random()) else {
            return allow();
        };
        let (identity, origin) = self.who_opens(peer, caller, id);
        let login = Login {
            identity,
            resource: self.resource(&caller.service, Some(&caller.user)),
            origin,
            since: Instant::now(),
        };
        self.intake
            .note(&login.event(Action::SessionOpen, Outcome::Allowed));
        let handle = id.handle();
        let mut live = self.logins.lock();
        if live.len() < MOST {
            live.insert(handle, login);
            drop(live);
            let gates = Arc::clone(self);
            if self
                .watch
                .on_end(&peer.handle, move || gates.other_closes(handle))
                .is_err()
            {
                self.logins.lock().remove(&handle);
            }
        }
        Response::Allow {
            handle,
            session_gid: None,
        }
    }

    /// A su inside a contractor's session is that contractor's.
    fn who_opens(&self, peer: &Peer, caller: &Caller, id: SessionId) -> (Identity, Origin) {
        let process = peer.handle.process();
        let mut origin = tty_origin(caller);
        let ids = process.ids().ok();
        let session = ids.as_ref().and_then(|ids| self.sessions.of(process, ids));
        if let Some(session) = session {
            return (session.identity(), session.origin(origin.tty));
        }
        if let Some(endpoint) = connection_of(process) {
            (origin.address, origin.port) = (Some(endpoint.address), Some(endpoint.port));
        }
        origin.session = Some(id.to_string());
        // Who becomes another account is the one who calls su.
        let identity = if caller.service.starts_with("su") {
            account_identity(&caller.ruser, ids.map(|ids| ids.real_uid))
        } else {
            account_identity(&caller.user, None)
        };
        (identity, origin)
    }

    pub(super) fn other_closes(&self, handle: u64) {
        let login = self.logins.lock().remove(&handle);
        if let Some(login) = login {
            let lived = login.since.elapsed().as_secs();
            self.intake.note(
                &login
                    .event(Action::SessionClose, Outcome::Done)
                    .detail("lived_seconds", lived),
            );
        }
    }
}

impl Login {
    fn event(&self, action: Action, outcome: Outcome) -> Event {
        Event::new(action)
            .outcome(outcome)
            .by(self.identity.clone())
            .on(self.resource.clone())
            .from(self.origin.clone())
    }
}
