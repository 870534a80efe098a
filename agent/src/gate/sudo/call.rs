//! One call of sudo, as the kernel and PAM tell of it.

use std::time::Instant;

use daypass_gate::Caller;
use daypass_protocol::event::{Action, Command, Event, Identity, Origin, Outcome};

use super::listing::only_lists;
use crate::facts::{Ids, Process};
use crate::gate::account::tty_origin;
use crate::gate::{Gates, account_identity};
use crate::rules::LONGEST_COMMAND;
use crate::sessions::Session;
use crate::texts::{Rest, Whose};

/// One call of sudo.
#[derive(Debug, Clone)]
pub(in crate::gate) struct Sudo {
    pub(super) identity: Identity,
    pub(super) origin: Origin,
    pub(super) service: String,
    pub(super) command: Command,
    /// What that lacks of the command line, until its first entry.
    pub(super) rest: Rest,
    /// Whether the kernel showed the command line.
    pub(super) is_legible: bool,
    pub(super) lists: bool,
    /// The program that it runs: device and inode.
    pub(super) program: Option<(u64, u64)>,
    pub(super) watched: Process,
    pub(super) started: Option<(Instant, String)>,
}

impl Gates {
    pub(super) fn sudo(
        &self,
        process: Process,
        ids: &Ids,
        session: Option<&Session>,
        caller: &Caller,
    ) -> Sudo {
        let tty = (!caller.tty.is_empty()).then(|| caller.tty.clone());
        let (identity, origin) = match session {
            Some(session) => (session.identity(), session.origin(tty)),
            None => (
                account_identity(&caller.ruser, Some(ids.real_uid)),
                tty_origin(caller),
            ),
        };
        let whose = Whose {
            uid: session.map_or(ids.real_uid, |session| session.record.uid),
            is_contractors: session.is_some(),
        };
        // An empty one is what the kernel shows of whoever has none any more.
        let line = process.command_line().ok();
        Sudo {
            identity,
            origin,
            service: caller.service.clone(),
            is_legible: line.as_ref().is_some_and(|line| line.is_legible),
            lists: line
                .as_ref()
                .is_some_and(|line| only_lists(&line.first_words())),
            program: process.program(),
            rest: line
                .as_ref()
                .map_or(Rest::Nothing, |line| self.rest_of(process, line, whose)),
            command: line.map_or_else(|| Command::from_line(b""), |line| line.command),
            watched: process,
            started: None,
        }
    }
}

impl Sudo {
    /// As typed, and whole. Who is gone has none, and gets no answer either; nor has a line longer than rules look at.
    pub(in crate::gate) fn words(&self) -> Vec<Vec<u8>> {
        let words = self.watched.words(LONGEST_COMMAND).ok().flatten();
        words.unwrap_or_default()
    }

    pub(in crate::gate) fn is_long(&self) -> bool {
        self.command.is_cut()
    }

    pub(in crate::gate) fn process(&self) -> Process {
        self.watched
    }

    pub(in crate::gate) fn event(&self, gates: &Gates, action: Action, outcome: Outcome) -> Event {
        let target = self.started.as_ref().map(|(_, target)| target.as_str());
        Event::new(action)
            .outcome(outcome)
            .by(self.identity.clone())
            .on(gates.resource(&self.service, target))
            .from(self.origin.clone())
            .command(self.command.clone())
    }
}
