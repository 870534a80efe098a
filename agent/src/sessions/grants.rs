//! Which sessions have sudo, and by what rules.
//!
//! The original sudo takes rules for a session's own group. sudo-rs does not look at a process's groups: where it is
//! installed, an account's rules hold for everybody in it. So they are those of one window at a time, the one that came
//! first, and PAM refuses the others' sudo. They are also taken away while PAM's module is missing, because sudo-rs takes
//! no PAM service of ours that requires it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard, PoisonError};

use daypass_protocol::digest::Digest;
use daypass_protocol::name::Name;
use daypass_protocol::sudo_item::SudoItem;
use daypass_protocol::window::WindowId;

use super::registry::Sessions;
use super::session::Session;
use crate::sudoers::{Grantee, SudoersError};

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
    /// Nobody in the account has, while PAM's module is missing.
    Withheld,
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
}

#[derive(Debug, Clone)]
struct Holder {
    window: WindowId,
    hash: Digest,
    person: Name,
    items: Vec<SudoItem>,
}

impl Sessions {
    /// Has sudo's tools look at rules that a session is about to need.
    ///
    /// # Errors
    /// [`SudoersError`]: the session would not be let in.
    pub fn prepare_sudo(&self, uid: u32, items: &[SudoItem]) -> Result<(), SudoersError> {
        let specimen = match self.form() {
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
        let items = &session.sudo();
        let form = self.form();
        // Outside the lock: it may take a while where it was not done before.
        self.prepare_sudo(session.record.uid, items)?;
        let mut grants = self.grants();
        if form != grants.form {
            self.arrange_all(&mut grants, form)?;
        }
        match form {
            Form::Groups => self.place_for_group(session),
            Form::Accounts => self.arrange(&mut grants, session.record.uid),
        }
    }

    /// Whether a session has sudo now.
    #[must_use]
    pub fn sudo_of(&self, session: &Session) -> Sudo {
        if session.sudo().is_empty() {
            return Sudo::NotGranted;
        }
        let grants = self.grants();
        if grants.form == Form::Groups {
            return Sudo::Granted;
        }
        match grants.holders.get(&session.record.uid) {
            Some(holder) if holder.hash == session.window.hash() => Sudo::Granted,
            Some(holder) => Sudo::Taken {
                by: holder.person.clone(),
            },
            None => Sudo::Withheld,
        }
    }

    /// Puts everything in force as it should be now: after sudo was exchanged, after PAM's module went or came, and
    /// where rules are missing.
    ///
    /// # Errors
    /// [`SudoersError`]: some rules are not in force.
    pub fn settle_sudo(&self) -> Result<(), SudoersError> {
        let form = self.form();
        self.arrange_all(&mut self.grants(), form)
    }

    /// Puts what is left of a session's sudo in the place of what was before; where that fails, nothing is left.
    pub(super) fn renew_sudo(&self, session: &Session) {
        let mut grants = self.grants();
        match grants.form {
            Form::Groups => {
                if self.place_for_group(session).is_err() {
                    self.remove_for_group(session);
                }
            }
            Form::Accounts => drop(self.arrange(&mut grants, session.record.uid)),
        }
    }

    /// Takes a session's sudo away. It is not open any more.
    pub(super) fn withdraw_sudo(&self, session: &Session) {
        let mut grants = self.grants();
        match grants.form {
            Form::Groups => self.remove_for_group(session),
            // PAM refuses whoever is not the holder: what could not be removed grants nothing.
            Form::Accounts => drop(self.arrange(&mut grants, session.record.uid)),
        }
    }

    fn form(&self) -> Form {
        match self.shared.setup.programs.rust().is_empty() {
            true => Form::Groups,
            false => Form::Accounts,
        }
    }

    fn arrange_all(&self, grants: &mut Grants, form: Form) -> Result<(), SudoersError> {
        let open = self.all_open();
        grants.form = form;
        let sudoers = &self.shared.setup.sudoers;
        match form {
            Form::Groups => {
                grants.holders.clear();
                let kept = open.iter().filter_map(|session| by_group(session));
                sudoers.keep_only(&kept.collect())?;
                let is_missing = |session: &&Arc<Session>| {
                    by_group(session).is_some_and(|(w, group)| !sudoers.are_placed(w, group))
                };
                open.iter()
                    .filter(is_missing)
                    .try_for_each(|session| self.place_for_group(session))
            }
            Form::Accounts => {
                let uids: BTreeSet<u32> = open.iter().map(|session| session.record.uid).collect();
                grants.holders.retain(|uid, _| uids.contains(uid));
                let held = grants.holders.iter();
                let kept = held.map(|(uid, holder)| (holder.window, Grantee::Account(*uid)));
                sudoers.keep_only(&kept.collect())?;
                uids.into_iter()
                    .try_for_each(|uid| self.arrange(grants, uid))
            }
        }
    }

    fn place_for_group(&self, session: &Session) -> Result<(), SudoersError> {
        let Some((window, group)) = by_group(session) else {
            return Ok(());
        };
        let items = &session.sudo();
        self.shared.setup.sudoers.place(window, group, items)
    }

    fn remove_for_group(&self, session: &Session) {
        if let Some((window, group)) = by_group(session) {
            // Where they cannot be removed its group is gone with the session's processes, and the number is never given
            // again.
            let _ = self.shared.setup.sudoers.remove(window, group);
        }
    }

    /// Who came first has it, with everybody who came by the same window.
    fn arrange(&self, grants: &mut Grants, uid: u32) -> Result<(), SudoersError> {
        let setup = &self.shared.setup;
        let account = Grantee::Account(uid);
        let mut wanting: Vec<Arc<Session>> = self.all();
        wanting.retain(|session| {
            session.record.uid == uid && session.is_open() && !session.sudo().is_empty()
        });
        if !setup.presence.module_is_there() {
            wanting.clear();
        }
        wanting.sort_by_key(|session| (session.record.opened_since_boot, session.record.id));
        let before = grants.holders.remove(&uid);
        let holds = |session: &&Arc<Session>| {
            before.as_ref().map(|holder| &holder.hash) == Some(&session.window.hash())
        };
        let next = wanting.iter().find(holds).or(wanting.first());
        if let Some(before) = &before
            && next.is_none_or(|session| session.document().id != before.window)
        {
            // PAM refuses whoever is not the holder: what could not be removed grants nothing.
            let _ = setup.sudoers.remove(before.window, account);
        }
        let Some(session) = next else {
            return Ok(());
        };
        let (document, hash) = (session.document(), session.window.hash());
        let items = session.sudo();
        let is_same = before.is_some_and(|holder| holder.hash == hash && holder.items == items);
        if !is_same || !setup.sudoers.are_placed(document.id, account) {
            let placed = setup.sudoers.place(document.id, account, &items);
            placed.inspect_err(|_| drop(setup.sudoers.remove(document.id, account)))?;
        }
        let holder = Holder {
            items,
            window: document.id,
            hash,
            person: document.contractor.clone(),
        };
        grants.holders.insert(uid, holder);
        Ok(())
    }

    fn grants(&self) -> MutexGuard<'_, Grants> {
        self.shared
            .grants
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn by_group(session: &Session) -> Option<(WindowId, Grantee)> {
    let gid = session.record.gid?;
    Some((session.document().id, Grantee::Group(gid)))
}
