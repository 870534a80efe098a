//! How a writer starts: lock, walk through what is there, new epoch, record of what a crash left.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Instant;

use chrono::{DateTime, Utc};

use super::core::{Core, Declaration, Segment};
use super::{Options, Recovery, Torn, erase, retire, witness};
use crate::blob;
use crate::chain::{Chain, Check, Interruption};
use crate::clock;
use crate::durable::{self, Action, failed};
use crate::epoch::Keyring;
use crate::error::Error;
use crate::handover;
use crate::identity::Identity;
use crate::note::VerifierKey;
use crate::own::{Open, Own, Previous, Reason, VERSION};
use crate::segment::{self, Name};
use crate::walk::{End, walk};

const DIR_MODE: u32 = 0o750;

pub(super) fn start(
    dir: &Path,
    keys_dir: &Path,
    options: Options,
    witnesses: Vec<VerifierKey>,
) -> Result<(Core, Recovery), Error> {
    durable::make_dir(dir, DIR_MODE)?;
    let lock = take_lock(dir)?;
    let identity = Identity::open(keys_dir)?;
    let mut chain = Chain::new(
        identity.log().clone(),
        identity.first_epoch().clone(),
        Check::Roots,
    );
    let outside = options.outside.clone();
    let mut latest = witness::Latest::beside(&outside);
    let end = walk(dir, &mut chain, &mut latest)?;
    chain.check_last_seal()?;
    let log = handover::take_up(keys_dir, chain.log().current())?;
    // A crash may have come while a text was on its way,
    blob::tidy(dir)?;
    // or between declaring and doing.
    erase::take_up(dir, chain.unerased(), options.protection)?;
    retire::take_up(dir, chain.unretired(), options.protection)?;
    for (_, path) in segment::list(dir)? {
        let file = File::open(&path).map_err(failed(Action::Open, &path))?;
        durable::guard(&file, options.protection);
    }
    let epoch = chain.starting_epoch();
    let keyring = Keyring::open(keys_dir, identity.origin(), epoch.number, &epoch.key)?;
    let mut core = Core {
        dir: dir.to_owned(),
        keys_dir: keys_dir.to_owned(),
        lock,
        boot: clock::boot_id()?,
        log,
        log_keys: chain.log().clone(),
        log_since: since(&chain),
        keyring,
        segment: growing(dir, &end, &chain, &options)?,
        is_reserved: false,
        tree: chain.tree().clone(),
        sealed: Previous::new(chain.sealed(), chain.sealed_root()),
        recent: chain.take_recent(),
        latest_seal: String::new(),
        cosigned: latest.size(identity.origin(), &witnesses, &chain),
        witnesses,
        declaration: Declaration::Owed,
        pending: Vec::new(),
        epoch_began: Instant::now(),
        epoch_entries: 0,
        options,
    };
    open(&mut core, &chain, &identity);
    core.commit(&[])?;
    // From here on the key of this epoch is in memory only.
    if let Some(preparation) = core.preparation()? {
        core.prepared(preparation.store()?);
    }
    let recovery = Recovery {
        sealed: chain.sealed(),
        clean: chain.is_closed() || chain.tree().size() == 0,
        interruptions: chain.interruptions().iter().map(Torn::from).collect(),
    };
    Ok((core, recovery))
}

/// Since when the log's key seals; a journal that begins, or whose entry tells no time, has it from now on.
fn since(chain: &Chain) -> DateTime<Utc> {
    let told = chain.log_since().map(DateTime::parse_from_rfc3339);
    told.and_then(Result::ok)
        .map_or_else(Utc::now, |time| time.to_utc())
}

/// One writer a journal: the lock is on the directory itself and goes with the process.
fn take_lock(dir: &Path) -> Result<File, Error> {
    let file = File::open(dir).map_err(failed(Action::Open, dir))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse {
            dir: dir.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(failed(Action::Lock, dir)(error).into()),
    }
}

/// The segment to go on with: a new one after a crash, so that the torn end stays as it is.
fn growing(dir: &Path, end: &End, chain: &Chain, options: &Options) -> Result<Segment, Error> {
    let next = chain.tree().size();
    let Some((name, length)) = end.last else {
        return Ok(Segment::create(dir, Name::new(next), options)?);
    };
    if !chain.interruptions().is_empty() && length > 0 {
        let attempt = match name.first == next {
            true => name.attempt + 1,
            false => 0,
        };
        let name = Name {
            first: next,
            attempt,
        };
        return Ok(Segment::create(dir, name, options)?);
    }
    let path = dir.join(name.to_string());
    let file = OpenOptions::new()
        .append(true)
        .open(&path)
        .map_err(failed(Action::Open, &path))?;
    // Created just before a crash, its name may not have reached the disk.
    durable::sync_dir(dir)?;
    Ok(Segment {
        path,
        file,
        length,
        failed: None,
    })
}

/// The entries that a start begins with.
fn open(core: &mut Core, chain: &Chain, identity: &Identity) {
    if chain.epoch().is_none() {
        let origin = identity.origin();
        core.pending.push(Own::Open(Open {
            version: VERSION,
            origin: origin.to_owned(),
            incarnation: origin.rsplit('/').next().unwrap_or(origin).to_owned(),
            log_key: identity.log_vkey(),
            witnesses: core.options.witnesses.clone(),
            epoch: 0,
            epoch_key: identity.epoch_vkey(),
        }));
        core.declaration = Declaration::Made;
    } else {
        core.open_epoch(Reason::Start);
    }
    let recovered = chain.interruptions().iter().map(Interruption::recovered);
    core.pending.extend(recovered.map(Own::Recovered));
    core.pending.push(core.announcement());
}
