//! Break-glass: accounts let go for a while, by local root, loudly, and taken back by itself.
//!
//! It must work with the agent, the CA and the journal broken: it needs sshd and systemd only. What was let go is noted
//! first, so that it is taken back whatever happens in between; a timer of systemd's sees to that, not the agent.

mod lapse;
mod record;

use std::path::Path;

use daypass_protocol::time::Time;

use crate::enrolment::Enrolment;
use crate::layout::Layout;
use crate::manage::{self, put_block};
use crate::managed::{self, Managed};
use crate::sshd::{self, Sshd};
use crate::systemd::{self, Reloaded};
use crate::turn::{self, Turn};
use crate::{aside, command, diagnostic, durable, event, revoked_keys, sessions, spool};

pub use lapse::{InvalidLapse, Lapse};
pub use record::Glass;

/// The timer that takes accounts back.
const TIMER: &str = "daypass-break-glass.timer";

/// The longest reason, bytes.
const LONGEST_REASON: usize = 500;

/// Why the glass was not broken, or not made whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to let go.
    #[error("this host manages no account, so daypass keeps nobody out")]
    NobodyManaged,
    /// One of the accounts is not managed.
    #[error("{name} is not under management")]
    NotManaged {
        /// The account.
        name: String,
    },
    /// It is broken already.
    #[error("the glass is broken already, until {until}")]
    Already {
        /// When that ends.
        until: Time,
    },
    /// It is whole.
    #[error("the glass is whole")]
    Whole,
    /// Nobody would say why, or nobody could read it.
    #[error("a reason is needed: one line of {LONGEST_REASON} bytes at most")]
    Reason,
    /// The timer that ends it does not run, so it is not begun.
    #[error("nothing would end it: {0}")]
    Timer(#[source] command::Error),
    /// Somebody else is at it.
    #[error(transparent)]
    Turn(#[from] turn::Error),
    /// The managed accounts.
    #[error(transparent)]
    Managed(#[from] managed::Error),
    /// sshd's configuration.
    #[error(transparent)]
    Sshd(#[from] sshd::Error),
    /// An account cannot be taken back.
    #[error("the accounts are refused by PAM again, but sshd's block is not in place: {0}")]
    Block(#[source] Box<manage::Error>),
    /// A file.
    #[error(transparent)]
    File(#[from] durable::Error),
}

/// What was done.
#[derive(Debug)]
pub struct Change {
    /// The accounts, and until when they are open.
    pub glass: Glass,
    /// Whether sshd knows already.
    pub sshd: Result<Reloaded, command::Error>,
}

/// Lets accounts go, by name, or all of them: their own keys and passwords count again.
///
/// # Errors
/// See [`enum@Error`]; nothing has changed then.
pub fn begin(
    layout: &Layout,
    accounts: &[String],
    lapse: Lapse,
    reason: &str,
) -> Result<Change, Error> {
    let is_line = !reason.chars().any(char::is_control);
    if reason.trim().is_empty() || reason.len() > LONGEST_REASON || !is_line {
        return Err(Error::Reason);
    }
    let _turn = Turn::take(&layout.run())?;
    let before = Managed::load(&layout.managed())?;
    // A note whose accounts are all managed is what an attempt left that was cut off: nothing is open by it.
    if let Some(glass) = Glass::load(&layout.glass())?
        && glass.accounts.keys().any(|uid| !before.contains(*uid))
    {
        return Err(Error::Already { until: glass.until });
    }
    let (let_go, after) = divide(before.clone(), accounts)?;
    let glass = Glass::new(&let_go, lapse, reason);
    glass.store(&layout.glass())?;
    if let Err(failed) = open(layout, &glass, &after) {
        // Whole as before. What cannot be undone is told by doctor as a gate that is absent.
        let _ = Sshd::new(layout).install(&layout.sshd_block(), sshd::block(&before).as_deref());
        durable::remove(&layout.glass())?;
        let _ = systemd::disable(TIMER);
        return Err(failed);
    }
    aside::tell(&diagnostic::glass_is_broken(&glass));
    Ok(Change {
        sshd: announce(),
        glass,
    })
}

fn open(layout: &Layout, glass: &Glass, after: &Managed) -> Result<(), Error> {
    systemd::enable(TIMER).map_err(Error::Timer)?;
    // Left for the journal before anything opens.
    let entry = event::glass_broken(host(layout), glass);
    let left = spool::leave(&layout.spool(), &entry)?;
    let install = || {
        Sshd::new(layout).install(&layout.sshd_block(), sshd::block(after).as_deref())?;
        Ok(after.store(&layout.managed())?)
    };
    install().inspect_err(|why: &Error| take_back_word(layout, glass, &left, why))
}

/// What was left for the journal did not happen. Where the daemon was quick it stands there already, so what came of
/// the attempt is told in any case.
fn take_back_word(layout: &Layout, glass: &Glass, left: &Path, why: &Error) {
    let failed = event::glass_not_broken(host(layout), glass, &why.to_string());
    // Without it the false word is better than none: somebody did try.
    if spool::leave(&layout.spool(), &failed).is_ok() {
        let _ = durable::remove(left);
    }
}

/// Takes the accounts back, and ends the logins that came in meanwhile.
///
/// # Errors
/// See [`enum@Error`]; the timer tries again.
pub fn end(layout: &Layout) -> Result<Change, Error> {
    let _turn = Turn::take(&layout.run())?;
    make_whole(layout)
}

fn make_whole(layout: &Layout) -> Result<Change, Error> {
    let glass = Glass::load(&layout.glass())?.ok_or(Error::Whole)?;
    let mut managed = Managed::load(&layout.managed())?;
    for (uid, names) in &glass.accounts {
        managed.insert(*uid, names.clone())?;
    }
    // First: PAM refuses even where sshd's configuration was broken meanwhile.
    managed.store(&layout.managed())?;
    let names: Vec<String> = glass.accounts.values().flatten().cloned().collect();
    let list = revoked_keys::ensure(layout);
    let block = put_block(layout, &managed, &names);
    let _ = systemd::reload_agent();
    for uid in glass.accounts.keys() {
        sessions::end_strangers(&layout.sessions(), *uid);
    }
    // Where the block is not in place sshd is as it was, and is not reloaded at every try.
    block.map_err(|why| Error::Block(Box::new(why)))?;
    list?;
    let sshd = announce();
    spool::leave(&layout.spool(), &event::glass_whole(host(layout), &glass))?;
    durable::remove(&layout.glass())?;
    // A timer that goes on finds nothing to do, and tries this again.
    let _ = systemd::disable(TIMER);
    Ok(Change { glass, sshd })
}

/// Takes the accounts back if their time is over; what the timer does.
///
/// # Errors
/// See [`enum@Error`].
pub fn end_if_over(layout: &Layout) -> Result<Option<Change>, Error> {
    let _turn = Turn::take(&layout.run())?;
    match Glass::load(&layout.glass())? {
        Some(glass) if glass.is_over() => make_whole(layout).map(Some),
        Some(_) => Ok(None),
        None => {
            let _ = systemd::disable(TIMER);
            Ok(None)
        }
    }
}

/// The glass, if it is broken.
///
/// # Errors
/// The file cannot be read.
pub fn look(path: &Path) -> Result<Option<Glass>, durable::Error> {
    Glass::load(path)
}

/// Those that are let go, and those that stay.
fn divide(mut managed: Managed, accounts: &[String]) -> Result<(Managed, Managed), Error> {
    if managed.is_empty() {
        return Err(Error::NobodyManaged);
    }
    if accounts.is_empty() {
        return Ok((managed, Managed::default()));
    }
    let mut let_go = Managed::default();
    for name in accounts {
        let not_managed = || Error::NotManaged { name: name.clone() };
        // Two names of one uid are one account.
        if let_go.uid(name).is_some() {
            continue;
        }
        let uid = managed.uid(name).ok_or_else(not_managed)?;
        let names = managed.remove(uid).ok_or_else(not_managed)?;
        let_go.insert(uid, names)?;
    }
    Ok((let_go, managed))
}

fn announce() -> Result<Reloaded, command::Error> {
    // An agent that hangs is no reason to stop here; it reads the file by itself.
    let _ = systemd::reload_agent();
    systemd::reload_sshd()
}

/// This host's name; the act must work where the papers are damaged.
fn host(layout: &Layout) -> Option<daypass_protocol::name::HostName> {
    Enrolment::load(layout)
        .ok()
        .map(|papers| papers.record.host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn managed() -> Managed {
        Managed::parse("1001 deploy deploy2\n1005 backup\n").unwrap()
    }

    #[test]
    fn without_names_all_accounts_are_let_go() {
        let (let_go, stay) = divide(managed(), &[]).unwrap();
        assert_eq!(let_go, managed());
        assert!(stay.is_empty());
    }

    #[test]
    fn named_accounts_are_let_go_with_every_name_and_the_others_stay() {
        let named = ["deploy2".to_owned(), "deploy".to_owned()];
        let (let_go, stay) = divide(managed(), &named).unwrap();
        assert_eq!(let_go, Managed::parse("1001 deploy deploy2\n").unwrap());
        assert_eq!(stay, Managed::parse("1005 backup\n").unwrap());
    }

    #[test]
    fn an_account_that_is_not_managed_is_named() {
        let error = divide(managed(), &["olga".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "olga is not under management");
        let error = divide(Managed::default(), &[]).unwrap_err();
        assert!(matches!(error, Error::NobodyManaged));
    }

    #[test]
    fn a_glass_that_is_broken_is_not_broken_again_and_a_whole_one_is_not_mended() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        assert!(matches!(end(&layout).unwrap_err(), Error::Whole));
        std::fs::create_dir_all(layout.state()).unwrap();
        let glass = Glass::new(&managed(), "1h".parse().unwrap(), "the CA is down");
        glass.store(&layout.glass()).unwrap();
        for reason in ["", " ", "two\nlines", &"x".repeat(501)] {
            let refused = begin(&layout, &[], "1h".parse().unwrap(), reason);
            assert!(matches!(refused, Err(Error::Reason)), "{refused:?}");
        }
        let again = begin(&layout, &[], "1h".parse().unwrap(), "again");
        assert!(matches!(again.unwrap_err(), Error::Already { .. }));
        assert!(matches!(end_if_over(&layout), Ok(None)));
    }
}
