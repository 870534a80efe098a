//! Putting rules in force and taking them away, under the lock. Nothing here waits: rules that sudo's tools have not
//! looked at are not placed.

use std::collections::BTreeSet;
use std::sync::Arc;

use daypass_protocol::window::WindowId;

use super::{Form, Grants, Holder};
use crate::sessions::registry::Sessions;
use crate::sessions::session::Session;
use crate::sudoers::{Accepted, Grantee, SudoersError};

impl Sessions {
    /// Everything as it should be; the first of what is not. One account's trouble is not another's.
    pub(super) fn arrange_all(&self, grants: &mut Grants, form: Form) -> Result<(), SudoersError> {
        let open = self.all_open();
        let is_new = grants.form != form;
        grants.form = form;
        match form {
            Form::Groups => {
                if is_new {
                    // The original reads the accounts' rules as well.
                    let groups = open.iter().filter_map(|session| by_group(session));
                    groups.for_each(|(_, group)| grants.change(group));
                }
                grants.holders.clear();
                if !self.shared.setup.presence.sessions_sudo_asks() {
                    return self.withhold_from_groups();
                }
                let kept = open.iter().filter_map(|session| by_group(session));
                self.shared.setup.sudoers.keep_only(&kept.collect())?;
                let missing = open.iter().filter(|s| !self.is_placed_for_group(s));
                missing
                    .map(|session| self.place_accepted_for_group(session))
                    .fold(Ok(()), Result::and)
            }
            Form::Accounts => {
                let uids: BTreeSet<u32> = open.iter().map(|session| session.record.uid).collect();
                if is_new {
                    // What somebody read before is not known: other rules may have been there, and of an earlier agent.
                    uids.iter()
                        .for_each(|uid| grants.change(Grantee::Account(*uid)));
                }
                grants.holders.retain(|uid, _| uids.contains(uid));
                let held = grants.holders.iter();
                let kept = held.map(|(uid, holder)| (holder.window, Grantee::Account(*uid)));
                self.shared.setup.sudoers.keep_only(&kept.collect())?;
                uids.into_iter()
                    .map(|uid| self.arrange(grants, uid))
                    .fold(Ok(()), Result::and)
            }
        }
    }

    /// Nobody's rules are in force while sudo would follow them without asking us.
    pub(super) fn withhold_from_groups(&self) -> Result<(), SudoersError> {
        self.shared.setup.sudoers.keep_only(&BTreeSet::new())
    }

    pub(super) fn is_placed_for_group(&self, session: &Session) -> bool {
        let sudoers = &self.shared.setup.sudoers;
        by_group(session).is_none_or(|(window, group)| sudoers.are_placed(window, group))
    }

    pub(super) fn place_for_group(
        &self,
        session: &Session,
        accepted: &Accepted,
    ) -> Result<(), SudoersError> {
        let setup = &self.shared.setup;
        match by_group(session) {
            // Whoever ends it takes its rules away once, and may have done so.
            Some((window, group)) if session.is_open() && setup.presence.sessions_sudo_asks() => {
                setup.sudoers.place(window, group, accepted)
            }
            _ => Ok(()),
        }
    }

    /// Where that is not possible yet, nothing is left.
    pub(super) fn renew_for_group(&self, session: &Session) -> Result<(), SudoersError> {
        let renewed = self.place_accepted_for_group(session);
        renewed.inspect_err(|_| self.remove_for_group(session))
    }

    fn place_accepted_for_group(&self, session: &Session) -> Result<(), SudoersError> {
        let Some((_, group)) = by_group(session) else {
            return Ok(());
        };
        let accepted = self.shared.setup.sudoers.accepted(group, &session.sudo())?;
        self.place_for_group(session, &accepted)
    }

    pub(super) fn remove_for_group(&self, session: &Session) {
        if let Some((window, group)) = by_group(session) {
            // Where they cannot be removed its group is gone with the session's processes, and the number is never given
            // again.
            let _ = self.shared.setup.sudoers.remove(window, group);
        }
    }

    /// Who came first has it, with everybody who came by the same window.
    pub(super) fn arrange(&self, grants: &mut Grants, uid: u32) -> Result<(), SudoersError> {
        let setup = &self.shared.setup;
        let account = Grantee::Account(uid);
        let wanting = self.wanting(uid);
        let before = grants.holders.remove(&uid);
        let holds = |session: &&Arc<Session>| {
            before.as_ref().map(|holder| &holder.hash) == Some(&session.window.hash())
        };
        let next = wanting.iter().find(holds).or(wanting.first());
        let next = next.map(|session| holder(session));
        if let Some(before) = &before {
            if next
                .as_ref()
                .is_none_or(|next| next.window != before.window)
            {
                // PAM refuses whoever is not the holder: what could not be removed grants nothing.
                let _ = setup.sudoers.remove(before.window, account);
            }
            if !next.as_ref().is_some_and(|next| next.is_as(before)) {
                grants.change(account);
            }
        }
        let Some(next) = next else {
            return Ok(());
        };
        let is_same = before.is_some_and(|before| next.is_as(&before));
        if !is_same || !setup.sudoers.are_placed(next.window, account) {
            let accepted = setup.sudoers.accepted(account, &next.items);
            let placed =
                accepted.and_then(|rules| setup.sudoers.place(next.window, account, &rules));
            placed.inspect_err(|_| drop(setup.sudoers.remove(next.window, account)))?;
        }
        grants.holders.insert(uid, next);
        Ok(())
    }

    /// Those in the account whose windows grant sudo, in the order in which they came; none while sudo does not ask us.
    fn wanting(&self, uid: u32) -> Vec<Arc<Session>> {
        let mut wanting: Vec<Arc<Session>> = self.all();
        wanting.retain(|session| {
            session.record.uid == uid && session.is_open() && !session.sudo().is_empty()
        });
        if !wanting.is_empty() && !self.shared.setup.presence.sudo_asks() {
            wanting.clear();
        }
        wanting.sort_by_key(|session| (session.record.opened_since_boot, session.record.id));
        wanting
    }
}

impl Holder {
    /// Whether the rules are the same.
    fn is_as(&self, other: &Self) -> bool {
        self.hash == other.hash && self.items == other.items
    }
}

fn holder(session: &Session) -> Holder {
    let document = session.document();
    Holder {
        window: document.id,
        hash: session.window.hash(),
        person: document.contractor.clone(),
        items: session.sudo(),
    }
}

pub(super) fn by_group(session: &Session) -> Option<(WindowId, Grantee)> {
    let gid = session.record.gid?;
    Some((session.document().id, Grantee::Group(gid)))
}
