//! Hears what sshd says in the system log, and journals what comes to nothing.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use daypass_protocol::event::{Action, Event, Outcome};

use crate::facts::{Handle, Process, connection_of};
use crate::gate::flood::with_untold;
use crate::gate::{Gates, account_identity};
use crate::sshd::{Line, Log, Said};

/// How far what sshd says may be behind its processes' ends.
const LAG: Duration = Duration::from_secs(1);

impl Gates {
    /// Starts to listen to what sshd says in the system log.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn attend_to_sshd(self: &Arc<Self>) -> io::Result<()> {
        let (wants, hears) = (Arc::clone(self), Arc::clone(self));
        let listen = move || {
            Log::of_the_system().run(|| wants.manages_anybody(), |line| hears.hear_sshd(line));
        };
        thread::Builder::new()
            .name("sshd".to_owned())
            .stack_size(256 * 1024)
            .spawn(listen)
            .map(drop)
    }

    /// Hears what sshd says in the system log.
    pub(super) fn hear_sshd(self: &Arc<Self>, line: &Line) {
        let Some(said) = Said::parse(&line.message) else {
            return;
        };
        // sshd's block names them as the file does: of nobody else it is a matter.
        let is_managed = |account| self.managed().is_ok_and(|m| m.uid(account).is_some());
        if !said.account().is_none_or(is_managed) {
            return;
        }
        let knocks = || connection_of(Process::with_pid(line.pid).ok()?);
        if self.turned_away.note(line.pid, &said, knocks) {
            self.await_its_end(line.pid);
        }
    }

    fn await_its_end(self: &Arc<Self>, monitor: i32) {
        let gates = Arc::clone(self);
        let tell = move || {
            let again = Arc::clone(&gates);
            gates.alarm.at(Instant::now() + LAG, move || {
                again.tell_turned_away(monitor);
            });
        };
        let watched = Handle::open(monitor)
            .is_ok_and(|handle| self.watch.on_end(&handle, tell.clone()).is_ok());
        if !watched {
            // It has ended, or its end would go unnoticed.
            tell();
        }
    }

    fn tell_turned_away(&self, monitor: i32) {
        let Some(refused) = self.turned_away.take(monitor) else {
            return;
        };
        let Some(untold) = self.turned_away.flood.tell(refused.from.address) else {
            return;
        };
        let uid = self.managed().ok().and_then(|m| m.uid(&refused.account));
        let mut event = Event::new(Action::LoginDenied)
            .outcome(Outcome::Denied)
            .because(refused.why.code(), refused.why.reason())
            .by(account_identity(&refused.account, uid))
            .on(self.resource("sshd", Some(&refused.account)))
            .from(refused.from);
        if let Some(shown) = refused.shown {
            event = event.detail("shown", shown);
        }
        self.intake.note(&with_untold(event, untold));
    }

    /// Whether there is anybody whose logins are to be heard of.
    fn manages_anybody(&self) -> bool {
        self.managed().is_ok_and(|managed| !managed.is_empty())
    }
}
