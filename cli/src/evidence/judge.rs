//! Checks a bundle with the keys of a trust file and nothing else: from the pin to the rosters, from the logs' keys to
//! the entries, from both to each visit.

use std::collections::BTreeSet;

use daypass_protocol::key::Key;
use daypass_protocol::roster::VerifiedRoster;
use daypass_protocol::window::WindowId;
use thiserror::Error;

use super::bundle::Bundle;
use super::fault::{Damage, Fault};
use super::ground::Ground;
use super::manifest::Manifest;
use super::owner::{self, Owner};
use super::part::Part;
use super::records::{self, Proofs, Record};
use super::texts;
use super::visit::{self, Visit};
use super::windows::{self, Window};
use super::{README, decisions, people};

/// What keeps a bundle from being proof, though nothing in it is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Lack {
    /// The trust file names no CA.
    #[error("the trust file has no pin ([ca] pin): nobody's signature can be judged")]
    NoPin,
    /// The trust file knows nothing of a journal.
    #[error(
        "the trust file has no keys of {origin}; `daypass-agent trust` on that host and `daypass-ca trust` print them"
    )]
    UnknownLog {
        /// The journal.
        origin: String,
    },
    /// Entries without a witness.
    #[error(
        "{entries} entries of {origin} are signed by the log, but by no witness that the trust file knows"
    )]
    Unwitnessed {
        /// The journal.
        origin: String,
        /// How many.
        entries: usize,
    },
    /// A journal whose opening is not there.
    #[error(
        "the opening entry of {origin} is not in the bundle: which witnesses it promised is not known"
    )]
    NoOpening {
        /// The journal.
        origin: String,
    },
    /// No key to judge certificates by.
    #[error(
        "the trust file has no key of the CA for certificates ([ca] user_ca), and no proven entry of the CA names one"
    )]
    NoUserCa,
    /// A session without its certificate.
    #[error(
        "the entry that opened session {session} has no certificate: the host's agent is older than this format"
    )]
    NoCertificate {
        /// The session.
        session: String,
    },
    /// A session whose opening is not there.
    #[error("the entry that opened session {session} is not in the bundle")]
    NoSession {
        /// The session.
        session: String,
    },
    /// The roster by which a visit was judged is not there.
    #[error(
        "session {session} was judged by {}, which is not in the bundle: whether its window was approved is not known",
        .roster.map_or("a roster that its entry does not name".to_owned(), |number| format!("roster {number}"))
    )]
    NoRoster {
        /// The session.
        session: String,
        /// By its entry.
        roster: Option<u64>,
    },
    /// A decision of which something is missing.
    #[error(
        "{part} tells of the decision \"{action}\", which cannot be judged: {missing} is not in the bundle"
    )]
    Undecided {
        /// The entry.
        part: String,
        /// Its word.
        action: String,
        /// What is missing.
        missing: &'static str,
    },
    /// How a session was prolonged is not there.
    #[error(
        "session {session} was prolonged by window {window}; the login that did it is not in the bundle, so that was not judged"
    )]
    Extension {
        /// The session.
        session: String,
        /// The window.
        window: String,
    },
    /// The window names the host by another name.
    #[error(
        "session {session} was on {host}, which the window does not name so; it may be an alias"
    )]
    Alias {
        /// The session.
        session: String,
        /// The host's enrolled name.
        host: String,
    },
    /// Rules that cannot be judged here.
    #[error(
        "roster {roster}, by which session {session} was let in, has rules for groups of hosts; which groups the host is in does not stand in the bundle, so these rules were not judged"
    )]
    Groups {
        /// The session.
        session: String,
        /// The roster.
        roster: u64,
    },
    /// The window's zone is not known here.
    #[error(
        "this machine does not know the time zone of window {window}: its hours could not be judged"
    )]
    Zone {
        /// The window.
        window: WindowId,
    },
    /// The whole of a long command line is not there.
    #[error("{part} has the beginning of a long command line, and the whole is not in the bundle")]
    NoText {
        /// The entry.
        part: String,
    },
    /// No window, no visit.
    #[error("there is nothing in it but entries that name no window")]
    NoWindow,
}

/// What is odd, and no proof of anything.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Remark {
    /// The CA's entry of the issue is not there.
    #[error("the CA's own entry about certificate {serial} is not in the bundle")]
    NoIssue {
        /// The certificate.
        serial: u64,
    },
    /// A newer roster was written when the session began.
    #[error(
        "session {session} was judged by roster {used}; roster {newer} had been written before"
    )]
    OlderRoster {
        /// The session.
        session: String,
        /// By the entry.
        used: u64,
        /// By its own date.
        newer: u64,
    },
    /// Something happened in a session after it should have ended.
    #[error("{part} is of session {session}, which should have ended {closes}")]
    Overstayed {
        /// The entry.
        part: String,
        /// The session.
        session: String,
        /// When it should have ended.
        closes: String,
    },
    /// Somebody said what was not, or no longer, theirs to say.
    #[error(
        "{signer} said \"{verb}\" of {subject} at {time}, which by the roster of that time was not theirs to say: it does not count"
    )]
    Powerless {
        /// Who.
        signer: String,
        /// The verb.
        verb: &'static str,
        /// The window, person, key, certificate or host.
        subject: String,
        /// When.
        time: String,
    },
    /// A stop before the session began.
    #[error(
        "{signer} had said \"{verb}\" of window {window} at {time}, before session {session} began"
    )]
    Stopped {
        /// Who.
        signer: String,
        /// `end`, `revoke` or `deny`.
        verb: &'static str,
        /// The window.
        window: WindowId,
        /// When.
        time: String,
        /// The session.
        session: String,
    },
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    pub(super) faults: Vec<Fault>,
    pub(super) lacks: Vec<Lack>,
    pub(super) remarks: Vec<Remark>,
    pub(super) records: Vec<Record>,
    pub(super) proofs: Vec<Proofs>,
    pub(super) visits: Vec<Visit>,
}

/// Judges a bundle.
pub(super) fn judge(bundle: &Bundle, ground: &Ground) -> Judgement {
    let mut judgement = Judgement::default();
    if let Err(fault) = judgement.look_at(bundle, ground) {
        judgement.faults.push(fault);
    }
    judgement
}

impl Judgement {
    fn look_at(&mut self, bundle: &Bundle, ground: &Ground) -> Result<(), Fault> {
        match bundle.bytes(&Part::Readme) {
            Some(text) if text == README.as_bytes() => {}
            Some(_) => self
                .faults
                .push(Fault::new(&Part::Readme, Damage::OtherText)),
            None => {
                let part = Part::Readme.to_string();
                self.faults.push(Fault::of_bundle(Damage::Missing { part }));
            }
        }
        let manifest = Manifest::read(bundle)?;
        let rosters = self.rosters(bundle, ground, &manifest)?;
        let owners = owner::owners(&manifest.journals, manifest.ca, &mut self.faults);
        self.records(bundle, ground, &manifest, &owners);
        texts::check(bundle, &self.records, &mut self.faults, &mut self.lacks);
        let windows = windows::check(bundle, &rosters, &mut self.faults);
        self.remarks.extend(windows::powerless(&windows));
        let decisions = decisions::check(&self.records, &windows, &rosters);
        self.faults.extend(decisions.faults);
        self.lacks.extend(decisions.lacks);
        self.remarks.extend(decisions.remarks);
        let authorities = self.authorities(ground);
        let context = visit::Context {
            bundle,
            rosters: &rosters,
            windows: &windows,
            authorities: &authorities,
        };
        self.visits(&context);
        self.nothing_is_unused(bundle, &manifest, &rosters, &windows);
        Ok(())
    }

    fn rosters(
        &mut self,
        bundle: &Bundle,
        ground: &Ground,
        manifest: &Manifest,
    ) -> Result<Vec<VerifiedRoster>, Fault> {
        match ground.pin {
            Some(pin) if pin != manifest.ca => {
                return Err(Fault::new(
                    &Part::Manifest,
                    Damage::OtherCa {
                        expected: pin.to_string(),
                        found: manifest.ca.to_string(),
                    },
                ));
            }
            Some(_) => {}
            None => self.lacks.push(Lack::NoPin),
        }
        people::check(bundle, manifest.ca)
    }

    fn records(&mut self, bundle: &Bundle, ground: &Ground, manifest: &Manifest, owners: &[Owner]) {
        for ((journal, origin), owner) in (1_u32..).zip(&manifest.journals).zip(owners) {
            let (mut records, proofs) = records::check(
                bundle,
                journal,
                origin,
                &ground.trust,
                &mut self.faults,
                &mut self.lacks,
            );
            // What is in the wrong journal is told, and nothing is built on it.
            records.retain(|record| match owner.check(record) {
                Ok(()) => true,
                Err(fault) => {
                    self.faults.push(fault);
                    false
                }
            });
            let is_open = |record: &Record| record.seq == 0 && record.action() == "journal.open";
            if !records.iter().any(is_open) {
                self.lacks.push(Lack::NoOpening {
                    origin: origin.clone(),
                });
            }
            self.records.extend(records);
            self.proofs.push(proofs);
        }
    }

    /// The keys of the CA for certificates: those of the trust file, else those that proven entries of its own journal
    /// name; `ca.start` in any other is a fault already.
    fn authorities(&mut self, ground: &Ground) -> Vec<Key> {
        if !ground.user_ca.is_empty() {
            return ground.user_ca.clone();
        }
        let known: Vec<u32> = (1..)
            .zip(&self.proofs)
            .filter(|(_, proofs)| proofs.entries > 0)
            .map(|(journal, _)| journal)
            .collect();
        let named = self
            .records
            .iter()
            .filter(|record| record.action() == "ca.start" && known.contains(&record.journal))
            .filter_map(|record| record.detail("user_ca")?.as_array())
            .flatten()
            .filter_map(|key| key.as_str()?.parse().ok());
        let named: BTreeSet<Key> = named.collect();
        named.into_iter().collect()
    }

    fn visits(&mut self, context: &visit::Context<'_>) {
        let mut sessions = BTreeSet::new();
        let mut opened = BTreeSet::new();
        for record in &self.records {
            let session = record.entry.text("/origin/session");
            if session.is_empty() {
                continue;
            }
            let key = (record.journal, session.to_owned());
            if record.action() == "session.open" {
                opened.insert(key.clone());
                // Everybody's logins are journalled; those without a window are not ours to judge.
                if !record.entry.text("/identity/window").is_empty() {
                    let found = visit::check(record, &self.records, context, &mut self.faults);
                    self.lacks.extend(found.lacks);
                    self.remarks.extend(found.remarks);
                    self.visits.extend(found.visit);
                }
            }
            sessions.insert(key);
        }
        for (_, session) in sessions.difference(&opened) {
            self.lacks.push(Lack::NoSession {
                session: session.clone(),
            });
        }
        if context.authorities.is_empty() && !self.visits.is_empty() {
            self.lacks.push(Lack::NoUserCa);
        }
        if self.visits.is_empty() && context.windows.is_empty() && self.faults.is_empty() {
            self.lacks.push(Lack::NoWindow);
        }
    }

    /// A part that nothing refers to was not put there by us.
    fn nothing_is_unused(
        &mut self,
        bundle: &Bundle,
        manifest: &Manifest,
        rosters: &[VerifiedRoster],
        windows: &std::collections::BTreeMap<WindowId, Window>,
    ) {
        let journals = 1..=u32::try_from(manifest.journals.len()).unwrap_or(u32::MAX);
        let mut serials = BTreeSet::new();
        let mut named = BTreeSet::new();
        let mut texts = BTreeSet::new();
        for record in &self.records {
            texts.extend(record.entry.kept_text());
            serials.extend(record.entry.text("/identity/serial").parse::<u64>().ok());
            named.extend(
                record
                    .entry
                    .text("/identity/window")
                    .parse::<WindowId>()
                    .ok(),
            );
        }
        for (part, _) in bundle.parts() {
            let is_used = match part {
                Part::Readme | Part::Manifest => true,
                Part::Window { window } => named.contains(window),
                // Told of where windows are read.
                Part::Statement { window, .. } | Part::StatementSignature { window, .. } => {
                    named.contains(window) || !windows.contains_key(window)
                }
                Part::Certificate { serial } => serials.contains(serial),
                Part::Text { sha256 } => texts.contains(sha256),
                Part::Entry { journal, .. } => journals.contains(journal),
                Part::Proof { journal, seq } => {
                    let entry = Part::Entry {
                        journal: *journal,
                        seq: *seq,
                    };
                    journals.contains(journal) && bundle.bytes(&entry).is_some()
                }
                other => people::is_used(other, rosters),
            };
            if !is_used {
                self.faults.push(Fault::new(part, Damage::Unused));
            }
        }
    }
}
