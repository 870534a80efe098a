//! Gathers a bundle out of journals' directories: the entries asked for, what they rest on, and the proofs.
//!
//! Nothing is verified here: a bundle from a damaged journal does not verify.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use daypass_journal::proof::Proof;
use daypass_journal::scan::{Order, Wanted, scan};
use daypass_protocol::certificate::{self, WINDOW_EXTENSION};
use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::grant::Grant;
use daypass_protocol::roster::{Roster, SignedRoster};
use daypass_protocol::time::Time;
use daypass_protocol::version::Version;
use daypass_protocol::window::WindowId;

use super::bundle::Bundle;
use super::manifest::Manifest;
use super::part::Part;
use super::records::Record;
use super::windows::Gathered;
use super::{README, decisions, people, texts, visit};
use crate::diagnostic::Failure;
use crate::diagnostic::evidence::EvidenceError;
use crate::log::entry::Entry;
use crate::log::filter::Filter;

/// Threads that search a journal.
const WORKERS: usize = 2;

/// Entries that others may rest on, by how their lines tell.
const GROUND: [&str; 8] = [
    "\"session.open\"",
    "\"window.",
    "\"certificate.issued\"",
    "\"statement.refused\"",
    "\"ca.start\"",
    "\"journal.open\"",
    "\"journal.epoch\"",
    "\"journal.log_key\"",
];

/// Entries by which a journal goes on: nothing happened, and the last of them no witness has seen.
const CHAIN: [&str; 5] = [
    "journal.open",
    "journal.epoch",
    "journal.epoch.next",
    "journal.log_key",
    "journal.close",
];

/// What was gathered.
pub(super) struct Collected {
    pub(super) bundle: Bundle,
    pub(super) entries: usize,
    pub(super) windows: usize,
    /// Long texts that are kept beside the journals, for which the bundle has no room.
    pub(super) texts_left_out: usize,
}

/// The entries of one directory that go into the bundle.
struct Journal {
    directory: PathBuf,
    entries: BTreeMap<u64, Entry>,
}

/// Gathers what `filter` asks for from these directories, and the people's `rosters` once there is something.
pub(super) fn collect(
    directories: &[PathBuf],
    filter: &Filter,
    rosters: impl FnOnce() -> Result<Vec<SignedRoster>, Failure>,
) -> Result<Collected, Failure> {
    let mut journals = Vec::new();
    for directory in directories {
        journals.push(Journal {
            directory: directory.clone(),
            entries: asked_for(directory, filter)?,
        });
    }
    let asked: usize = journals.iter().map(|journal| journal.entries.len()).sum();
    if asked == 0 {
        return Err(EvidenceError::NothingFound.into());
    }
    let mut subject = Subject::of(journals.iter().flat_map(|journal| journal.entries.values()));
    for journal in &mut journals {
        add_extensions(journal, &mut subject)?;
    }
    for journal in &mut journals {
        add_ground(journal, &subject)?;
    }
    journals.retain(|journal| {
        journal
            .entries
            .values()
            .any(|entry| !entry.text("/action").starts_with("journal."))
    });
    let mut bundle = Bundle::default();
    bundle.put(Part::Readme, README);
    let pin = put_people(&mut bundle, &rosters()?)?;
    let origins = put_journals(&mut bundle, &journals)?;
    let manifest = Manifest {
        v: Version,
        ca: pin,
        journals: origins,
    };
    manifest
        .put(&mut bundle)
        .map_err(|source| Failure::Output(source.into()))?;
    let windows = put_windows(&mut bundle, &journals);
    let mut texts = texts::Taken::default();
    for journal in &journals {
        for entry in journal.entries.values() {
            texts.take(entry, &journal.directory, &mut bundle)?;
        }
    }
    Ok(Collected {
        texts_left_out: texts.left_out,
        bundle,
        entries: journals.iter().map(|journal| journal.entries.len()).sum(),
        windows,
    })
}

/// What the question turned out to be about.
struct Subject {
    windows: BTreeSet<String>,
    sessions: BTreeSet<String>,
    serials: BTreeSet<String>,
    /// Windows that prolonged a session: the logins that did it are judged with it.
    extensions: BTreeSet<String>,
}

impl Subject {
    fn of<'a>(entries: impl Iterator<Item = &'a Entry>) -> Self {
        let mut subject = Self {
            windows: BTreeSet::new(),
            sessions: BTreeSet::new(),
            serials: BTreeSet::new(),
            extensions: BTreeSet::new(),
        };
        for entry in entries {
            for (set, pointer) in [
                (&mut subject.windows, "/identity/window"),
                (&mut subject.sessions, "/origin/session"),
                (&mut subject.serials, "/identity/serial"),
            ] {
                let text = entry.text(pointer);
                if !text.is_empty() {
                    set.insert(text.to_owned());
                }
            }
        }
        subject
    }

    /// Whether what was asked for rests on this entry.
    fn rests_on(&self, entry: &Entry) -> bool {
        match entry.text("/action") {
            "session.open" => {
                self.sessions.contains(entry.text("/origin/session"))
                    || self.extensions.contains(entry.text("/identity/window"))
            }
            "certificate.issued" => self.serials.contains(entry.text("/identity/serial")),
            action if action.starts_with("window.") => {
                self.windows.contains(entry.text("/identity/window"))
            }
            "statement.refused" => self.windows.contains(entry.text("/identity/window")),
            _ => false,
        }
    }
}

fn unreadable(directory: &Path) -> impl Fn(daypass_journal::Error) -> Failure {
    crate::log::source::unreadable(directory)
}

fn asked_for(directory: &Path, filter: &Filter) -> Result<BTreeMap<u64, Entry>, Failure> {
    let wanted = crate::log::source::wanted(filter, None);
    let asked = filter.clone();
    let take = move |candidate: daypass_journal::scan::Candidate<'_>| {
        let entry = candidate
            .is_whole
            .then(|| Entry::new(candidate.bytes.to_vec()))?;
        let seq = entry.seq()?;
        let is_asked = asked.admits(&entry) && !CHAIN.contains(&entry.text("/action"));
        is_asked.then_some((seq, entry))
    };
    scan(directory, &wanted, Order::Oldest, WORKERS, take)
        .and_then(Iterator::collect)
        .map_err(unreadable(directory))
}

/// Adds how sessions were prolonged: by another window than the one that was asked for, maybe.
fn add_extensions(journal: &mut Journal, subject: &mut Subject) -> Result<(), Failure> {
    let wanted = Wanted {
        holding: vec![vec!["\"session.extended\"".to_owned()]],
        ..Wanted::default()
    };
    let take = |candidate: daypass_journal::scan::Candidate<'_>| {
        let entry = candidate
            .is_whole
            .then(|| Entry::new(candidate.bytes.to_vec()))?;
        (entry.text("/action") == "session.extended").then_some((entry.seq()?, entry))
    };
    let found = scan(&journal.directory, &wanted, Order::Oldest, WORKERS, take)
        .map_err(unreadable(&journal.directory))?;
    for found in found {
        let (seq, entry) = found.map_err(unreadable(&journal.directory))?;
        if subject.sessions.contains(entry.text("/origin/session")) {
            let window = entry.text("/identity/window");
            subject.windows.insert(window.to_owned());
            subject.extensions.insert(window.to_owned());
            journal.entries.insert(seq, entry);
        }
    }
    Ok(())
}

/// Adds what the entries asked for rest on: how their sessions were opened, what the CA decided, which key it had then,
/// which keys the journal has had, and which witnesses it promised.
fn add_ground(journal: &mut Journal, subject: &Subject) -> Result<(), Failure> {
    let wanted = Wanted {
        holding: vec![GROUND.map(str::to_owned).to_vec()],
        ..Wanted::default()
    };
    let take = |candidate: daypass_journal::scan::Candidate<'_>| {
        let entry = candidate
            .is_whole
            .then(|| Entry::new(candidate.bytes.to_vec()))?;
        Some((entry.seq()?, entry))
    };
    let found = scan(&journal.directory, &wanted, Order::Oldest, WORKERS, take)
        .map_err(unreadable(&journal.directory))?;
    let (mut start, mut promise) = (None, None);
    for found in found {
        let (seq, entry) = found.map_err(unreadable(&journal.directory))?;
        match entry.text("/action") {
            "ca.start" => start = Some((seq, entry)),
            // Who the log was handed over to, in case that its key seals what was asked for.
            "journal.open" | "journal.log_key" => {
                journal.entries.insert(seq, entry);
            }
            "journal.epoch" if entry.value("/detail/witnesses").is_some() => {
                promise = Some((seq, entry));
            }
            action => {
                let is_issue = action == "certificate.issued";
                if subject.rests_on(&entry) {
                    journal.entries.insert(seq, entry);
                    if let Some((seq, entry)) = start.take_if(|_| is_issue) {
                        journal.entries.insert(seq, entry);
                    }
                }
            }
        }
    }
    journal.entries.extend(promise);
    Ok(())
}

/// The rosters that a CA's journal keeps, each beside the entry of the day on which it came into force; `None` when none
/// of these journals has them all. A CA that was restored, or whose old entries were retired, has some only.
pub(super) fn kept_rosters(directories: &[PathBuf]) -> Result<Option<Vec<SignedRoster>>, Failure> {
    for directory in directories {
        if let Some(chain) = kept_in(directory)? {
            return Ok(Some(chain));
        }
    }
    Ok(None)
}

fn kept_in(directory: &Path) -> Result<Option<Vec<SignedRoster>>, Failure> {
    let wanted = Wanted {
        holding: vec![vec!["\"roster.signed\"".to_owned()]],
        ..Wanted::default()
    };
    let take = |candidate: daypass_journal::scan::Candidate<'_>| {
        let entry = Entry::new(candidate.bytes.to_vec());
        (entry.text("/action") == "roster.signed").then_some(entry)
    };
    let mut chain = Vec::new();
    for entry in scan(directory, &wanted, Order::Oldest, 1, take).map_err(unreadable(directory))? {
        let entry = entry.map_err(unreadable(directory))?;
        let number = entry
            .value("/detail/number")
            .and_then(serde_json::Value::as_u64);
        let kept = daypass_journal::blob::path(directory, entry.text("/detail/document/sha256"));
        // Not the next one: those before it were retired, erased, or stand in the journal before this one. Without its
        // text: it was journalled before texts were kept.
        let (Some(path), true) = (kept, number == Some(chain.len() as u64 + 1)) else {
            return Ok(None);
        };
        let text = crate::durable::read(&path, crate::roster::kept::LONGEST)?.unwrap_or_default();
        chain.push(super::signed_roster(&path, &text)?);
    }
    Ok((!chain.is_empty()).then_some(chain))
}

fn put_people(bundle: &mut Bundle, chain: &[SignedRoster]) -> Result<Pin, Failure> {
    let Some(first) = chain.first() else {
        return Err(EvidenceError::NoRosters.into());
    };
    let rosters: Result<Vec<Roster>, _> = chain
        .iter()
        .map(|signed| Roster::parse(&signed.roster))
        .collect();
    people::put(bundle, chain, &rosters.map_err(Failure::Roster)?);
    Ok(Pin::from(Digest::of(&first.roster)))
}

/// Entries and proofs; the journals' origins in their order.
fn put_journals(bundle: &mut Bundle, journals: &[Journal]) -> Result<Vec<String>, Failure> {
    let mut origins = Vec::new();
    for (number, journal) in (1_u32..).zip(journals) {
        let seqs: BTreeSet<u64> = journal.entries.keys().copied().collect();
        let proofs =
            Proof::make_all(&journal.directory, &seqs).map_err(unreadable(&journal.directory))?;
        let origin = proofs
            .values()
            .find_map(|proof| proof.checkpoint.lines().next());
        origins.push(origin.unwrap_or_default().to_owned());
        for (seq, proof) in proofs {
            bundle.put(
                Part::Proof {
                    journal: number,
                    seq,
                },
                proof.to_string(),
            );
        }
        for (seq, entry) in &journal.entries {
            let part = Part::Entry {
                journal: number,
                seq: *seq,
            };
            bundle.put(part, entry.bytes.as_slice());
        }
    }
    Ok(origins)
}

/// Windows, statements and certificates, as the entries have them.
fn put_windows(bundle: &mut Bundle, journals: &[Journal]) -> usize {
    let mut windows: BTreeMap<WindowId, Gathered> = BTreeMap::new();
    let records = (1_u32..).zip(journals).flat_map(|(number, journal)| {
        journal.entries.iter().map(move |(seq, entry)| Record {
            journal: number,
            seq: *seq,
            entry: entry.clone(),
            time: Time::from_unix(0),
        })
    });
    let records: Vec<Record> = records.collect();
    for record in &records {
        decisions::gather(record, &mut windows);
    }
    for record in records
        .iter()
        .filter(|record| record.action() == "session.open")
    {
        let Some(line) = visit::certificate_line(record) else {
            continue;
        };
        if let Ok(serial) = record.entry.text("/identity/serial").parse() {
            bundle.put(Part::Certificate { serial }, line.as_bytes());
        }
        gather_from_certificate(&line, &mut windows);
    }
    for (window, gathered) in &windows {
        gathered.put(bundle, *window);
    }
    windows.len()
}

fn gather_from_certificate(line: &str, windows: &mut BTreeMap<WindowId, Gathered>) {
    let Ok(certificate) = certificate::parse(line.trim_end()) else {
        return;
    };
    let grant = certificate
        .extensions()
        .get(WINDOW_EXTENSION)
        .and_then(|text| Grant::parse(text).ok());
    let Some((grant, id)) = grant.and_then(|grant| {
        let frozen = daypass_protocol::window::FrozenWindow::parse(grant.window_text()).ok()?;
        let id = frozen.document().id;
        Some((grant, id))
    }) else {
        return;
    };
    let gathered = windows.entry(id).or_default();
    gathered
        .document
        .get_or_insert_with(|| grant.window_text().to_owned());
    grant
        .statements()
        .iter()
        .for_each(|statement| gathered.say(statement.clone()));
}
