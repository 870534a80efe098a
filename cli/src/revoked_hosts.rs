//! The list of host keys that `ssh` is to refuse: those of revoked, replaced and retired hosts, whose certificates would
//! be believed until they end.
//!
//! `ssh` refuses every host while it cannot read the file that its configuration names. So a list stands there before the
//! include names it, a missing or damaged one is replaced by an empty one, and what is no list, or an older one, never
//! takes its place. Nobody's login fails because of it: while the CA is away, the list of before serves.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use daypass_protocol::krl::{self, Krl};
use nix::fcntl::{Flock, FlockArg};

use crate::ca::Ca;
use crate::config::Config;
use crate::diagnostic::Failure;
use crate::durable;
use crate::keys::file::Asking;
use crate::paths::Places;

/// How old the list may be while the certificate at hand serves, and the CA has to be asked for nothing else.
pub(crate) const ALONE: Duration = Duration::from_secs(5 * 60);

/// How old it may be when the CA is spoken to anyway; it signs what it announces every minute.
pub(crate) const WHILE_SPEAKING: Duration = Duration::from_secs(60);

/// From this age on a person hears that it cannot be renewed, behind `ssh` too.
pub(crate) const STALE: Duration = Duration::from_secs(24 * 3600);

/// A CA that did not answer is left alone for this long: each login would wait for it.
const RETRY: Duration = Duration::from_secs(60);

/// Sees to it that a list stands where `ssh` reads it, and says what is in it.
pub(crate) fn ensure(places: &Places) -> Result<Krl, Failure> {
    let path = places.revoked_hosts();
    // One that cannot be read, by whatever error, would keep `ssh` from every host.
    let there = durable::read_bytes(&path, krl::MAX_BYTES as u64);
    if let Some(list) = there
        .ok()
        .flatten()
        .and_then(|bytes| Krl::parse(&bytes).ok())
    {
        return Ok(list);
    }
    begin(places)?;
    Ok(Krl::default())
}

/// Puts an empty list there, whatever stood there before.
pub(crate) fn begin(places: &Places) -> Result<(), Failure> {
    put(&places.revoked_hosts(), &Krl::default())
}

/// Takes the CA's list over.
pub(crate) fn renew(places: &Places, ca: &Ca) -> Result<(), Failure> {
    ensure(places)?;
    let _turn = turn(places, FlockArg::LockExclusive)?;
    take_over(places, ca)
}

/// Takes the CA's list over where the one at hand is older than `most`. The CA is not asked while another process asks
/// it, or shortly after it did not answer.
pub(crate) fn keep(places: &Places, most: Duration) -> Result<(), Failure> {
    let config = Config::load(places)?;
    ensure(places)?;
    let is_due = || age(places).is_none_or(|age| age > most);
    if !is_due() || age_of(&mark(places)).is_some_and(|age| age < RETRY) {
        return Ok(());
    }
    let Some(_turn) = turn(places, FlockArg::LockExclusiveNonblock)? else {
        return Ok(());
    };
    // Whoever had the turn before may have done it.
    if !is_due() {
        return Ok(());
    }
    take_over(places, &Ca::with(config, places, Asking::Never)?)
}

/// The CA was found not to answer: the next logins do without it.
pub(crate) fn postpone(places: &Places) {
    // Where nothing can be written, each login tries anew.
    let _ = fs::write(mark(places), b"");
}

/// How old the list is; none where there never was one from the CA, or where it is dated ahead.
pub(crate) fn age(places: &Places) -> Option<Duration> {
    let path = places.revoked_hosts();
    let list = durable::read_bytes(&path, krl::MAX_BYTES as u64).ok()??;
    // No state has the number 0: that one was put there by `ensure`.
    let from_the_ca = Krl::parse(&list).is_ok_and(|list| list.number > 0);
    from_the_ca.then(|| age_of(&path))?
}

fn take_over(places: &Places, ca: &Ca) -> Result<(), Failure> {
    let taken = ca.revoked_hosts().and_then(|found| {
        let had = ensure(places)?.number;
        if found.number < had {
            return Err(Failure::OlderList {
                url: ca.config().url.to_string(),
                found: found.number,
                had,
            });
        }
        put(&places.revoked_hosts(), &found)
    });
    if taken.is_err() {
        postpone(places);
    }
    taken
}

fn put(path: &Path, list: &Krl) -> Result<(), Failure> {
    durable::write(path, &list.to_bytes(), 0o644)
}

/// One process at a time; none where another is at it and is not waited for.
fn turn(places: &Places, how: FlockArg) -> Result<Option<Flock<File>>, Failure> {
    let path = places.revoked_hosts().with_file_name(".revoked_hosts.lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|source| Failure::CannotWrite { path, source })?;
    Ok(Flock::lock(file, how).ok())
}

fn mark(places: &Places) -> PathBuf {
    places.revoked_hosts().with_file_name(".revoked_hosts.away")
}

fn age_of(path: &Path) -> Option<Duration> {
    let changed = fs::metadata(path).ok()?.modified().ok()?;
    SystemTime::now().duration_since(changed).ok()
}
