//! Which sessions have sudo, and by what rules.
//!
//! The original sudo takes rules for a session's own group, and by them asks PAM through a service of ours. They are taken
//! away while that service does not ask us: somebody has taken our line out of it. sudo-rs does not look at a process's groups: where it is
//! installed, an account's rules hold for everybody in it. So they are those of one window at a time, the one that came
//! first, and PAM refuses the others' sudo. They are also taken away while sudo does not ask us, because sudo-rs takes
//! no PAM service of ours that requires the module.
//!
//! sudo's tools and sudo itself run outside the lock: whatever hangs there, a session ends on time. Under the lock only
//! rules are placed that the tools have looked at; others wait for the next round.

mod arrange;

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};
use std::thread;

use daypass_protocol::digest::Digest;
use daypass_protocol::name::Name;
use daypass_protocol::sudo_item::SudoItem;
use daypass_protocol::window::WindowId;

use super::registry::Sessions;
use super::session::Session;
use crate::facts::Process;
use crate::sudoers::{Accepted, Grantee, SudoersError};

/// Whether a session has sudo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sudo {
    /// Its window grants none.
    NotGranted,
    /// It has.
    Granted,
    /// Somebody else in the account has, and sudo can serve one at a time there.
    Taken {
        /// Who.
        by: Name,
    },
    /// Nobody in the account has, while sudo does not ask us or its tools have not looked at the rules.
    Withheld,
    /// It has, but this call began when other rules were in force, and may have read those.
    Older,
}

/// Whom rules are written for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Each session's group.
    #[default]
    Groups,
    /// The account, for one window.
    Accounts,
}

/// What is in force.
#[derive(Debug, Default)]
pub(super) struct Grants {
    form: Form,
    /// Who has sudo in an account, where that is one window at a time.
    holders: BTreeMap<u32, Holder>,
    /// When rules were last taken away or exchanged, in clock ticks since boot. Whoever began before may have read them.
    changed: BTreeMap<Grantee, u64>,
    renewal: Renewal,
}

#[derive(Debug, Clone)]
struct Holder {
    window: WindowId,
    hash: Digest,
    person: Name,
    items: Vec<SudoItem>,
}

/// The thread that has sudo's tools look at rules which must not be waited for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Renewal {
    #[default]
    None,
    Running,
    /// There is more to do since it began.
    Again,
}

impl Sessions {
    /// Has sudo's tools look at rules that a session is about to need.
    ///
    /// # Errors
    /// [`SudoersError`]: the session would not be let in.
    pub fn prepare_sudo(&self, uid: u32, items: &[SudoItem]) -> Result<Accepted, SudoersError> {
        self.prepare(self.form(), uid, items)
    }

    fn prepare(&self, form: Form, uid: u32, items: &[SudoItem]) -> Result<Accepted, SudoersError> {
        let specimen = match form {
            Form::Groups => Grantee::Group(daypass_gate::place::FIRST_SESSION_GID),
            Form::Accounts => Grantee::Account(uid),
        };
        self.shared.setup.sudoers.prepare(specimen, items)
    }

    /// Gives a session that was just registered its sudo, as far as it may have it now.
    ///
    /// # Errors
    /// [`SudoersError`]: its rules are not in force, and it is not to be let in.
    pub fn grant_sudo(&self, session: &Session) -> Result<(), SudoersError> {
        let form = self.form();
        let accepted = self.prepare(form, session.record.uid, &session.sudo())?;
        let mut grants = self.grants();
        if form != grants.form {
            // What others lack is told in the next round, and is no reason to keep this one out.
            let _ = self.arrange_all(&mut grants, form);
        }
        match form {
            Form::Groups => self.place_for_group(session, &accepted),
            Form::Accounts => match self.arrange(&mut grants, session.record.uid) {
                // Those of who came before it: nobody has sudo until the next round.
                Err(SudoersError::NotLookedAt) => Ok(()),
                arranged => arranged,
            },
        }
    }

    /// Whether a session has sudo now.
    #[must_use]
    pub fn sudo_of(&self, session: &Session) -> Sudo {
        self.sudo_under(&self.grants(), session)
    }

    /// Whether this process may use the session's sudo now.
    #[must_use]
    pub fn sudo_for(&self, session: &Session, caller: Process) -> Sudo {
        let grants = self.grants();
        match self.sudo_under(&grants, session) {
            // Of the same tick it is not known which was first.
            Sudo::Granted if grants.changed_for(session) >= Some(caller.start) => Sudo::Older,
            sudo => sudo,
        }
    }

    fn sudo_under(&self, grants: &Grants, session: &Session) -> Sudo {
        match grants.sudo_of(session) {
            Sudo::Granted
                if grants.form == Form::Groups
                    && !self.shared.setup.presence.sessions_sudo_asks() =>
            {
                Sudo::Withheld
            }
            sudo => sudo,
        }
    }

    /// Puts everything in force as it should be now: after sudo was exchanged, after PAM stopped asking us or asks again,
    /// and where rules are missing. What must go is taken away before any program is asked.
    ///
    /// # Errors
    /// The first [`SudoersError`]: some rules are not in force. Those of others are.
    pub fn settle_sudo(&self) -> Result<(), SudoersError> {
        {
            let mut grants = self.grants();
            // What is missing is told below.
            let _ = match grants.form {
                Form::Accounts => self.arrange_all(&mut grants, Form::Accounts),
                Form::Groups if !self.shared.setup.presence.sessions_sudo_asks() => {
                    self.withhold_from_groups()
                }
                Form::Groups => Ok(()),
            };
        }
        let form = self.form();
        let looked = self.look_at_missing(form);
        let arranged = self.arrange_all(&mut self.grants(), form);
        looked.and(arranged)
    }

    /// Has sudo's tools look at the rules that are or may soon be needed.
    fn look_at_missing(&self, form: Form) -> Result<(), SudoersError> {
        let mut first = Ok(());
        for session in self.all_open() {
            if form == Form::Groups && self.is_placed_for_group(&session) {
                continue;
            }
            let looked = self.prepare(form, session.record.uid, &session.sudo());
            // A tool that hangs would with the next rules as well; the next round tries again.
            let is_late = looked.as_ref().is_err_and(SudoersError::is_late);
            first = first.and(looked.map(drop));
            if is_late {
                break;
            }
        }
        first
    }

    /// Puts what is left of a session's sudo in the place of what was before. Where sudo's tools have not looked at that
    /// yet nothing is in force until they have, and nobody waits for them here.
    pub(super) fn renew_sudo(&self, session: &Session) {
        let mut grants = self.grants();
        let renewed = match grants.form {
            Form::Groups => {
                let renewed = self.renew_for_group(session);
                if let Some((_, group)) = arrange::by_group(session) {
                    grants.change(group);
                }
                renewed
            }
            Form::Accounts => self.arrange(&mut grants, session.record.uid),
        };
        if renewed.is_err() {
            self.settle_aside(&mut grants);
        }
    }

    /// Settles on a thread of its own, one at a time.
    fn settle_aside(&self, grants: &mut Grants) {
        if grants.renewal != Renewal::None {
            grants.renewal = Renewal::Again;
            return;
        }
        let sessions = self.clone();
        let settle = move || {
            loop {
                // What fails is told in the next round.
                let _ = sessions.settle_sudo();
                let mut grants = sessions.grants();
                if grants.renewal != Renewal::Again {
                    grants.renewal = Renewal::None;
                    return;
                }
                grants.renewal = Renewal::Running;
            }
        };
        let started = thread::Builder::new()
            .name("rules".to_owned())
            .stack_size(256 * 1024)
            .spawn(settle);
        // Without a thread the next round does it.
        if started.is_ok() {
            grants.renewal = Renewal::Running;
        }
    }

    /// Takes a session's sudo away. It is not open any more.
    pub(super) fn withdraw_sudo(&self, session: &Session) {
        let mut grants = self.grants();
        if let Some((_, group)) = arrange::by_group(session) {
            grants.changed.remove(&group);
        }
        match grants.form {
            Form::Groups => self.remove_for_group(session),
            // PAM refuses whoever is not the holder: what could not be removed grants nothing.
            Form::Accounts => drop(self.arrange(&mut grants, session.record.uid)),
        }
    }

    /// Asks the programs that are there; never under the lock.
    fn form(&self) -> Form {
        match self.shared.setup.programs.rust().is_empty() {
            true => Form::Groups,
            false => Form::Accounts,
        }
    }

    fn grants(&self) -> MutexGuard<'_, Grants> {
        self.shared
            .grants
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Grants {
    fn sudo_of(&self, session: &Session) -> Sudo {
        if session.sudo().is_empty() {
            return Sudo::NotGranted;
        }
        if self.form == Form::Groups {
            return Sudo::Granted;
        }
        match self.holders.get(&session.record.uid) {
            Some(holder) if holder.hash == session.window.hash() => Sudo::Granted,
            Some(holder) => Sudo::Taken {
                by: holder.person.clone(),
            },
            None => Sudo::Withheld,
        }
    }

    fn changed_for(&self, session: &Session) -> Option<u64> {
        let account = Grantee::Account(session.record.uid);
        let group = arrange::by_group(session).map(|(_, group)| group);
        let of = |grantee| self.changed.get(&grantee).copied();
        match self.form {
            Form::Groups => of(group?),
            Form::Accounts => of(account),
        }
    }

    /// What was in force for these is not any more.
    fn change(&mut self, grantee: Grantee) {
        self.changed
            .insert(grantee, crate::facts::ticks_since_boot());
    }
}

#[cfg(test)]
mod tests;
