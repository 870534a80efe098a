//! `daypass-ca restore`: a CA from its backup, in a new incarnation.
//!
//! What happened after the backup is not known here: certificates went out, windows were revoked, join tokens used. So
//! a restored CA counts anew under a new incarnation, which hosts accept for being dated later; its states have higher
//! numbers than any that the CA before can have signed; join tokens and invitations of before are worth nothing; and it
//! begins a new journal, whose first entry names the one before and where that one ends.

use std::error::Error;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use daypass_journal::identity::Identity;
use daypass_protocol::digest::{Incarnation, InvalidHex, Pin};
use daypass_protocol::enrolment::ca_origin;
use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::time::Time;

use crate::backup::{END, End, MANIFEST, Manifest};
use crate::cli::RestoreArgs;
use crate::config::{Config, ConfigError};
use crate::init::{self, InitError};
use crate::layout::Layout;
use crate::ledger::{Ledger, LedgerError};
use crate::random::{self, NoRandomness};
use crate::replay::{self, ReplayError};
use crate::store::{self, AdmittedCollector, Store, StoreError};

/// The largest file that is taken out of a backup: a database of millions of certificates, and room.
const MOST: u64 = 64 * 1024 * 1024 * 1024;

/// The database until all else is in place.
const WAITING: &str = "ca.db.restoring";

/// What a restored CA is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Where.
    pub directory: PathBuf,
    /// Its name, as before.
    pub ca: Pin,
    /// Its new incarnation.
    pub incarnation: Incarnation,
    /// The newest roster that the backup knows.
    pub roster: u64,
    /// The moment of the backup.
    pub from: Time,
    /// Where the backup's journal is damaged, if it is: what it tells from there on was not taken over.
    pub journal_damaged: Option<String>,
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The user to own everything.
    #[error(transparent)]
    Owner(Box<InitError>),
    /// Something is there that a CA would be.
    #[error("{path} is there already: restore into a directory without a CA")]
    Exists {
        /// What.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("{path} cannot be read or written")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no backup of a CA.
    #[error("{path} is no backup of a CA: {why}")]
    NoBackup {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Pin or incarnation in it.
    #[error("the backup's database holds a damaged pin or incarnation")]
    Genesis(#[from] InvalidHex),
    /// The new journal's keys, or the old journal.
    #[error("the journal could not be begun")]
    Journal(#[from] daypass_journal::Error),
    /// There is no old journal.
    #[error(
        "the backup's journal does not tell what certificates there are; take another copy of the backup"
    )]
    Replay(#[from] ReplayError),
    /// Its first entry.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The new incarnation.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl From<InitError> for RestoreError {
    fn from(error: InitError) -> Self {
        Self::Owner(Box::new(error))
    }
}

/// Restores what the arguments ask for.
///
/// # Errors
/// When the file is no backup, or something is in the way.
pub fn run(arguments: &RestoreArgs) -> Result<Restored, RestoreError> {
    let file = File::open(&arguments.file).map_err(failed(&arguments.file))?;
    // The whole of it is looked at first: what is no whole backup leaves no configuration behind, either.
    let text = config_of(&file, &arguments.file)?;
    if !arguments.config.exists() {
        Config::parse(&text, &arguments.config)?;
        if let Some(parent) = arguments.config.parent() {
            std::fs::create_dir_all(parent).map_err(failed(parent))?;
        }
        std::fs::write(&arguments.config, text).map_err(failed(&arguments.config))?;
    }
    let config = Config::read(&arguments.config)?;
    init::make_directory(&config.data)?;
    init::become_owner(&arguments.user, &config.data)?;
    let now = crate::authority::Authority::system_clock()();
    unpack(&file, &arguments.file, &Layout::new(&config.data), now)
}

/// Restores the backup `file`, open already, into the directory of `layout`. Its database is put in place last:
/// without it there is no CA.
///
/// # Errors
/// As [`run`]; then nothing of it stays, and it can be tried again.
pub fn unpack(
    file: &File,
    path: &Path,
    layout: &Layout,
    now: Time,
) -> Result<Restored, RestoreError> {
    let waiting = layout.root().join(WAITING);
    let places = [
        layout.database(),
        layout.keys(),
        layout.tls(),
        layout.journal(),
        layout.nonces(),
        waiting.clone(),
    ];
    // A link is something, too, wherever it leads.
    let is_there = |path: &PathBuf| std::fs::symlink_metadata(path).is_ok();
    if let Some(path) = places.into_iter().find(is_there) {
        return Err(RestoreError::Exists { path });
    }
    let mut made = vec![layout.keys(), layout.tls(), layout.journal()];
    let restored = put_in_place(file, path, layout, now, &mut made);
    if restored.is_err() {
        // None of these was there before.
        for path in made {
            let _ = std::fs::remove_dir_all(path);
        }
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let waiting = layout.root().join(format!("{WAITING}{suffix}"));
            let _ = std::fs::remove_file(waiting);
        }
        let _ = std::fs::remove_file(layout.database());
    }
    restored
}

/// Does it; `made` gets the directories that it makes beside those that stand in it.
fn put_in_place(
    file: &File,
    path: &Path,
    layout: &Layout,
    now: Time,
    made: &mut Vec<PathBuf>,
) -> Result<Restored, RestoreError> {
    for directory in made.iter() {
        make_directory(directory)?;
    }
    let waiting = layout.root().join(WAITING);
    let manifest = extract(file, path, layout, &waiting, made)?;
    let old: Incarnation = manifest.incarnation.parse()?;
    let ca: Pin = manifest.ca.parse()?;
    let incarnation = Incarnation::from_bytes(random::bytes()?);
    let before = anew(&waiting, &layout.old_journal(old), incarnation, now)?;
    Identity::create(&layout.journal_keys(), &ca_origin(ca, incarnation))?;
    let mut event = Event::new(Action::CaRestored)
        .outcome(Outcome::Done)
        .detail("backup", Time::from_unix(manifest.time).to_string())
        .detail("incarnation", incarnation.to_string())
        .detail("incarnation_before", old.to_string())
        .detail("journal_before", ca_origin(ca, old))
        .detail("entries_before", before.entries)
        .detail("roster", before.roster);
    if let Some(damage) = &before.damage {
        event = event.detail("journal_damaged", damage.clone());
    }
    let ledger = Ledger::open(layout, before.witnesses)?;
    ledger.record(&serde_json::to_value(event).map_err(LedgerError::Event)?)?;
    ledger.close()?;
    // All else is on the disk before there is a CA.
    made.iter().try_for_each(|directory| sync_all(directory))?;
    sync(layout.root())?;
    std::fs::rename(&waiting, layout.database()).map_err(failed(&layout.database()))?;
    sync(layout.root())?;
    Ok(Restored {
        directory: layout.root().to_owned(),
        ca,
        incarnation,
        roster: before.roster,
        from: Time::from_unix(manifest.time),
        journal_damaged: before.damage,
    })
}

/// What is known of the CA before.
struct Before {
    /// The number of its newest roster.
    roster: u64,
    /// Who witnessed its journal.
    witnesses: Vec<String>,
    /// How many entries that holds in the backup; where it is damaged, until there.
    entries: u64,
    /// Where that is.
    damage: Option<String>,
}

/// Makes the database that of a new incarnation.
fn anew(
    path: &Path,
    journal: &Path,
    incarnation: Incarnation,
    now: Time,
) -> Result<Before, RestoreError> {
    let store = Store::open(path)?;
    // The journal was copied after the database, and is ahead of it in any case.
    let mark = store.read(|tx| tx.journalled())?;
    // A journal that is damaged keeps nobody from having a CA again: whatever else there is may be damaged, too.
    let (entries, damage) = replay::until_damage(journal, mark, |some| {
        store.write::<_, StoreError>(move |tx| some.iter().try_for_each(|one| tx.make_up(one)))?;
        Ok::<_, RestoreError>(())
    })?;
    let text = incarnation.to_string();
    store.write::<_, StoreError>(move |tx| tx.begin_anew(&text, now.unix()))?;
    let (chain, collectors) =
        store.read(|tx| Ok::<_, StoreError>((tx.chain()?, tx.collectors()?)))?;
    drop(store);
    // It is about to be renamed, and a log beside it would stay behind.
    store::settle(path)?;
    let roster = chain.last().map_or(1, |roster| roster.number);
    let witnesses = collectors.iter().flat_map(AdmittedCollector::witnesses);
    Ok(Before {
        roster,
        witnesses: witnesses.map(str::to_owned).collect(),
        // What the database knows already stood in it.
        entries: entries.max(mark),
        damage: damage.map(|damage| whole(&damage)),
    })
}

/// An error with its causes, in one line.
fn whole(error: &ReplayError) -> String {
    let (mut text, mut next) = (error.to_string(), Error::source(error));
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// The configuration in a backup that is whole.
fn config_of(file: &File, path: &Path) -> Result<String, RestoreError> {
    let mut archive = tar::Archive::new(file);
    let (mut text, mut end, mut files) = (None, None, 0);
    for entry in archive.entries().map_err(failed(path))? {
        let mut entry = entry.map_err(failed(path))?;
        let name = entry.path().map_err(failed(path))?.into_owned();
        if name == Path::new(END) {
            end = Some(read_end(entry, path)?);
            continue;
        }
        files += 1;
        if name == Path::new("ca.toml") {
            let mut found = String::new();
            entry
                .by_ref()
                .take(1024 * 1024)
                .read_to_string(&mut found)
                .map_err(failed(path))?;
            text = Some(found);
        }
    }
    check_end(end, files, path)?;
    text.ok_or_else(|| no_backup(path, "it holds no ca.toml"))
}

fn check_end(end: Option<End>, files: u64, path: &Path) -> Result<(), RestoreError> {
    if end == Some(End { files }) {
        return Ok(());
    }
    Err(no_backup(
        path,
        "it is not whole: its end is missing; take another copy of it",
    ))
}

/// Writes every file of the backup to its place; the manifest, which comes first.
fn extract(
    mut file: &File,
    path: &Path,
    layout: &Layout,
    database: &Path,
    made: &mut Vec<PathBuf>,
) -> Result<Manifest, RestoreError> {
    io::Seek::rewind(&mut file).map_err(failed(path))?;
    let mut archive = tar::Archive::new(file);
    let mut manifest: Option<Manifest> = None;
    let mut has_database = false;
    let mut files = 0;
    let mut end: Option<End> = None;
    for entry in archive.entries().map_err(failed(path))? {
        let entry = entry.map_err(failed(path))?;
        let name = entry.path().map_err(failed(path))?.into_owned();
        let plain = |part| matches!(part, Component::Normal(_));
        if !entry.header().entry_type().is_file() || !name.components().all(plain) {
            let name = name.display();
            return Err(no_backup(path, &format!("{name} is no plain file")));
        }
        if end.is_some() {
            let name = name.display();
            return Err(no_backup(path, &format!("{name} stands behind its end")));
        }
        if entry.size() > MOST {
            let name = name.display();
            return Err(no_backup(path, &format!("{name} is larger than 64 GiB")));
        }
        if name == Path::new(END) {
            end = Some(read_end(entry, path)?);
            continue;
        }
        files += 1;
        let Some(known) = &manifest else {
            let read = read_manifest(entry, &name, path)?;
            let journal = layout.old_journal(read.incarnation.parse()?);
            if std::fs::symlink_metadata(&journal).is_ok() {
                return Err(RestoreError::Exists { path: journal });
            }
            made.push(journal);
            manifest = Some(read);
            continue;
        };
        let target = if name == Path::new("ca.db") {
            has_database = true;
            database.to_owned()
        } else if name == Path::new("ca.toml") {
            continue;
        } else if let Ok(rest) = name.strip_prefix("journal") {
            layout.old_journal(known.incarnation.parse()?).join(rest)
        } else if name.starts_with("keys") || name.starts_with("tls") {
            layout.root().join(&name)
        } else {
            let name = name.display();
            return Err(no_backup(path, &format!("{name} does not belong in it")));
        };
        write(entry, &target)?;
    }
    check_end(end, files, path)?;
    match manifest {
        Some(manifest) if has_database => Ok(manifest),
        _ => Err(no_backup(path, "it holds no database")),
    }
}

fn read_end(entry: impl io::Read, path: &Path) -> Result<End, RestoreError> {
    let mut text = Vec::new();
    entry
        .take(1024)
        .read_to_end(&mut text)
        .map_err(failed(path))?;
    serde_json::from_slice(&text).map_err(|_| no_backup(path, "its end is damaged"))
}

fn read_manifest(entry: impl io::Read, name: &Path, path: &Path) -> Result<Manifest, RestoreError> {
    let mut text = Vec::new();
    entry
        .take(64 * 1024)
        .read_to_end(&mut text)
        .map_err(failed(path))?;
    let manifest: Option<Manifest> = serde_json::from_slice(&text)
        .ok()
        .filter(|manifest: &Manifest| name == Path::new(MANIFEST) && manifest.v == 1);
    manifest.ok_or_else(|| no_backup(path, "it does not begin with the manifest of one"))
}

fn write(mut entry: impl io::Read, target: &Path) -> Result<(), RestoreError> {
    if let Some(parent) = target.parent().filter(|parent| !parent.exists()) {
        make_directory(parent)?;
    }
    let mut out = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(target)
        .map_err(failed(target))?;
    io::copy(&mut entry, &mut out)
        .and_then(|_| out.flush())
        .and_then(|()| out.sync_all())
        .map_err(failed(target))
}

fn make_directory(path: &Path) -> Result<(), RestoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed(path))
}

/// A directory and those below it; their files were synced as they were written.
fn sync_all(directory: &Path) -> Result<(), RestoreError> {
    for entry in std::fs::read_dir(directory).map_err(failed(directory))? {
        let path = entry.map_err(failed(directory))?.path();
        if path.is_dir() {
            sync_all(&path)?;
        }
    }
    sync(directory)
}

fn sync(directory: &Path) -> Result<(), RestoreError> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(failed(directory))
}

fn no_backup(path: &Path, why: &str) -> RestoreError {
    RestoreError::NoBackup {
        path: path.to_owned(),
        why: why.to_owned(),
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> RestoreError {
    let path = path.to_owned();
    |source| RestoreError::File { path, source }
}
