//! Putting an account under management, and taking it out again.
//!
//! Nothing changes for anybody else. Under management: the uid with all its names is written to
//! the managed file, then sshd gets its block; out of management: the other way round. What sshd
//! does not accept, or what another line of its configuration would override, is undone.

use daypass_protocol::name::HostName;

use crate::accounts::{self, Account};
use crate::command;
use crate::durable;
use crate::enrolment::Enrolment;
use crate::event;
use crate::invoker;
use crate::layout::Layout;
use crate::managed::{self, Managed, is_plain_name};
use crate::presence::{Absent, Presence};
use crate::revoked_keys;
use crate::spool;
use crate::sshd::{self, Overridden, Sshd};
use crate::systemd::{self, Reloaded};
use crate::turn::{self, Turn};

/// The Unix user of the principals helper: it decides who comes in, so nobody may log in as it.
const HELPER: &str = "daypass-principals";

/// What was changed.
#[derive(Debug)]
pub struct Change {
    /// The uid.
    pub uid: u32,
    /// Every name of it.
    pub names: Vec<String>,
    /// Whether sshd knows already.
    pub sshd: Reloaded,
    /// Whether the agent knows already.
    pub agent: Reloaded,
    /// Gates that are not in place: until they are, nobody gets in.
    pub absent: Vec<Absent>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no CA to trust yet.
    #[error("this host is not enrolled")]
    NotEnrolled,
    /// uid 0 is never managed.
    #[error("{name} is root on this host, and root cannot be managed")]
    Root {
        /// The account.
        name: String,
    },
    /// One of our own accounts.
    #[error("{HELPER} is the account of a part of daypass")]
    Helper,
    /// The account with which the caller logged in.
    #[error("{name} is the account that you are logged in with; you could not log in again")]
    Yourself {
        /// The account.
        name: String,
    },
    /// A name of the uid that sshd would read as a pattern.
    #[error("{name}, a name of this uid, holds characters that sshd reads as a pattern")]
    Name {
        /// The name.
        name: String,
    },
    /// It is not managed, so it cannot be taken out.
    #[error("{name} is not under management")]
    NotManaged {
        /// The account.
        name: String,
    },
    /// The account cannot be looked up.
    #[error(transparent)]
    Account(#[from] accounts::Error),
    /// Somebody else is at it.
    #[error(transparent)]
    Turn(#[from] turn::Error),
    /// The managed file.
    #[error(transparent)]
    Managed(#[from] managed::Error),
    /// sshd does not accept the block.
    #[error(transparent)]
    Sshd(#[from] sshd::Error),
    /// Another line of sshd's configuration takes precedence.
    #[error(transparent)]
    Overridden(#[from] Overridden),
    /// The change is in place, but a service was not told.
    #[error("the change is in place, but not in force: {0}")]
    Reload(command::Error),
    /// The event could not be left for the journal.
    #[error(transparent)]
    File(#[from] durable::Error),
}

/// Puts an account under management.
///
/// # Errors
/// See [`enum@Error`]; but for [`Error::Reload`] nothing has changed.
pub fn manage(layout: &Layout, name: &str) -> Result<Change, Error> {
    if !layout.user_ca().exists() {
        return Err(Error::NotEnrolled);
    }
    let _turn = Turn::take(&layout.run())?;
    revoked_keys::ensure(layout)?;
    let account = accounts::find(name)?;
    may_be_managed(&account, invoker::login_uid())?;
    let before = Managed::load(&layout.managed())?;
    let mut after = before.clone();
    after.insert(account.uid, account.names.clone())?;
    after.store(&layout.managed())?;
    if let Err(refused) = put_block(layout, &after, &account.names) {
        before.store(&layout.managed())?;
        return Err(refused);
    }
    spool::leave(
        &layout.spool(),
        &event::managed(host(layout), account.uid, &account.names),
    )?;
    announce(layout, account, &after)
}

/// Takes an account out of management; it may be named by any of its names, and need not exist
/// any more.
///
/// # Errors
/// See [`enum@Error`]; but for [`Error::Reload`] nothing has changed.
pub fn unmanage(layout: &Layout, name: &str) -> Result<Change, Error> {
    let _turn = Turn::take(&layout.run())?;
    let mut managed = Managed::load(&layout.managed())?;
    let not_managed = || Error::NotManaged {
        name: name.to_owned(),
    };
    let uid = managed.uid(name).ok_or_else(not_managed)?;
    let names = managed.remove(uid).ok_or_else(not_managed)?;
    let block = sshd::block(&managed);
    Sshd::new(layout).install(&layout.sshd_block(), block.as_deref())?;
    managed.store(&layout.managed())?;
    spool::leave(
        &layout.spool(),
        &event::unmanaged(host(layout), uid, &names),
    )?;
    announce(layout, Account { uid, names }, &managed)
}

/// Lays sshd's block out anew, as this version has it; whether that changed anything.
///
/// # Errors
/// See [`enum@Error`]; but for [`Error::Reload`] nothing has changed.
pub fn renew_block(layout: &Layout) -> Result<bool, Error> {
    let _turn = Turn::take(&layout.run())?;
    let managed = Managed::load(&layout.managed())?;
    let Some(wanted) = sshd::block(&managed) else {
        return Ok(false);
    };
    revoked_keys::ensure(layout)?;
    let there = durable::read(&layout.sshd_block(), sshd::MAX_BYTES)?;
    if there.as_deref() == Some(wanted.as_bytes()) {
        return Ok(false);
    }
    let names: Vec<String> = managed
        .iter()
        .flat_map(|(_, names)| names.iter().cloned())
        .collect();
    put_block(layout, &managed, &names)?;
    systemd::reload_sshd().map_err(Error::Reload)?;
    Ok(true)
}

/// This host's name; taking an account out must work even where the papers are damaged.
fn host(layout: &Layout) -> Option<HostName> {
    Enrolment::load(layout)
        .ok()
        .map(|papers| papers.record.host)
}

fn may_be_managed(account: &Account, login_uid: Option<u32>) -> Result<(), Error> {
    let name = account.names.first().cloned().unwrap_or_default();
    if account.uid == 0 {
        return Err(Error::Root { name });
    }
    if account.names.iter().any(|name| name == HELPER) {
        return Err(Error::Helper);
    }
    if login_uid == Some(account.uid) {
        return Err(Error::Yourself { name });
    }
    match account.names.iter().find(|name| !is_plain_name(name)) {
        Some(name) => Err(Error::Name { name: name.clone() }),
        None => Ok(()),
    }
}

/// Installs the block, and takes it out again when it does not hold for these names.
pub(crate) fn put_block(layout: &Layout, managed: &Managed, names: &[String]) -> Result<(), Error> {
    let sshd = Sshd::new(layout);
    let path = layout.sshd_block();
    let before = durable::read(&path, sshd::MAX_BYTES)?;
    sshd.install(&path, sshd::block(managed).as_deref())?;
    let holds = names.iter().try_for_each(|name| {
        sshd.effective(name)?.is_ours()?;
        Ok(())
    });
    if holds.is_err() {
        let before = before.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        sshd.install(&path, before.as_deref())?;
    }
    holds
}

fn announce(layout: &Layout, account: Account, managed: &Managed) -> Result<Change, Error> {
    Ok(Change {
        uid: account.uid,
        names: account.names,
        sshd: systemd::reload_sshd().map_err(Error::Reload)?,
        agent: systemd::reload_agent().map_err(Error::Reload)?,
        absent: Presence::new(layout).look(managed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(uid: u32, names: &[&str]) -> Account {
        Account {
            uid,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn an_ordinary_account_may_be_managed() {
        may_be_managed(&account(1001, &["deploy", "deploy2"]), Some(1000)).unwrap();
    }

    #[test]
    fn root_the_helper_and_oneself_may_not() {
        let refused = |account, login| may_be_managed(&account, login).unwrap_err();
        assert!(matches!(
            refused(account(0, &["toor"]), None),
            Error::Root { .. }
        ));
        assert!(matches!(
            refused(account(998, &[HELPER]), None),
            Error::Helper
        ));
        assert!(matches!(
            refused(account(1000, &["me"]), Some(1000)),
            Error::Yourself { .. }
        ));
    }

    #[test]
    fn a_second_name_that_sshd_reads_as_a_pattern_is_refused() {
        let error =
            may_be_managed(&account(1001, &["deploy", "DOMAIN\\deploy"]), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "DOMAIN\\deploy, a name of this uid, holds characters that sshd reads as a pattern"
        );
    }

    #[test]
    fn nothing_is_managed_before_enrolment() {
        let folder = tempfile::tempdir().unwrap();
        let error = manage(&Layout::under(folder.path()), "daemon").unwrap_err();
        assert!(matches!(error, Error::NotEnrolled));
    }

    #[test]
    fn what_is_not_managed_cannot_be_taken_out() {
        let folder = tempfile::tempdir().unwrap();
        let error = unmanage(&Layout::under(folder.path()), "deploy").unwrap_err();
        assert!(matches!(error, Error::NotManaged { .. }));
    }
}
