//! Logins of managed accounts that sshd refuses without asking gate 1, or after it: by a certificate of another CA, a
//! planted key, a key on the list of revoked ones, a certificate without its key, to an account that the site shuts to
//! everybody, or that another module of PAM's refuses. sshd tells of them in the system log alone. They are journalled
//! when the connection is over, if nothing was journalled of it by then.

mod hearing;

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use daypass_protocol::event::Origin;

use super::flood::Flood;
use super::principals::origin;
use crate::facts::Endpoint;
use crate::sshd::Said;

/// Connections that are remembered at once: sshd's own MaxStartups is far below.
const MOST: usize = 1024;
/// Bytes of what was shown: sshd itself says no more.
const MOST_SHOWN: usize = 1024;
/// How long it is remembered that a connection was judged: its process has ended, and its number may come back.
const MEMORY: Duration = Duration::from_secs(60);

/// What sshd said of connections that are not over yet, and which ones the gates judged.
#[derive(Debug, Default)]
pub(super) struct TurnedAway {
    book: Mutex<Book>,
    /// Counted apart from the gates' own refusals: what anybody can have sshd refuse takes no place of theirs.
    flood: Flood,
}

#[derive(Debug, Default)]
struct Book {
    /// By the monitor's pid.
    knocking: BTreeMap<i32, Knocking>,
    judged: VecDeque<(Instant, Judged)>,
}

/// A connection of which sshd said something.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Knocking {
    account: Option<String>,
    from: Option<Endpoint>,
    /// What was shown first: the rest is what else its client had.
    shown: Option<String>,
    /// Why nothing would have opened the account.
    barred: Option<Why>,
    /// All that sshd said with that of where they came from.
    address: Option<IpAddr>,
    /// Keys on the list, by type and fingerprint.
    revoked: Vec<String>,
}

/// A connection that a gate was asked about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged {
    pub(super) monitor: i32,
    pub(super) from: Option<Endpoint>,
    /// Whether a refusal of it is in the journal, or counted.
    pub(super) is_told: bool,
}

impl TurnedAway {
    /// The gates have judged this connection, which is over.
    pub(super) fn judged(&self, judged: Judged) {
        let mut book = self.lock();
        let now = Instant::now();
        book.judged
            .retain(|(since, _)| now.duration_since(*since) < MEMORY);
        if book.judged.len() >= MOST {
            book.judged.pop_front();
        }
        book.judged.push_back((now, judged));
    }

    /// Notes what sshd says of this connection; whether it is the first word of it. Where sshd does not say from where
    /// they come, the kernel does.
    fn note(
        &self,
        monitor: i32,
        said: &Said<'_>,
        knocks: impl FnOnce() -> Option<Endpoint>,
    ) -> bool {
        let from = match said {
            Said::Failed { from, .. } | Said::Left { from, .. } => Some(*from),
            Said::Barred { .. } | Said::DeniedByPam { .. } => knocks(),
            Said::Revoked { .. } | Said::Accepted => None,
        };
        let mut book = self.lock();
        if matches!(said, Said::Accepted) {
            book.knocking.remove(&monitor);
            return false;
        }
        let is_first = !book.knocking.contains_key(&monitor);
        if is_first && book.knocking.len() >= MOST {
            return false;
        }
        let knocking = book.knocking.entry(monitor).or_default();
        // What was heard before stays where a line, and the kernel, have nothing to say.
        let account = said.account().map(ToOwned::to_owned);
        knocking.account = account.or(knocking.account.take());
        knocking.from = from.or(knocking.from);
        match said {
            Said::Failed { shown, .. } => {
                let shown = shown.map(|shown| shown.chars().take(MOST_SHOWN).collect());
                knocking.shown = knocking.shown.take().or(shown);
            }
            Said::Barred { address, why, .. } => {
                knocking.address = *address;
                let why = why.chars().take(MOST_SHOWN).collect();
                knocking.barred = Some(Why::Barred(why));
            }
            Said::DeniedByPam { .. } => knocking.barred = Some(Why::DeniedByPam),
            // One of each is enough, and sshd lets nobody try very many.
            Said::Revoked { key } if knocking.revoked.len() < 32 => {
                knocking.revoked.push((*key).to_owned());
            }
            Said::Revoked { .. } | Said::Left { .. } | Said::Accepted => {}
        }
        is_first
    }

    /// What is to be told of a connection that is over, if anything is.
    fn take(&self, monitor: i32) -> Option<Refused> {
        let mut book = self.lock();
        let Knocking {
            account,
            from,
            shown,
            barred,
            address,
            revoked,
        } = book.knocking.remove(&monitor)?;
        let account = account?;
        let now = Instant::now();
        let is_it = |(since, judged): &&(Instant, Judged)| {
            now.duration_since(*since) < MEMORY
                && judged.monitor == monitor
                && judged
                    .from
                    .is_none_or(|known| from.is_none_or(|from| known == from))
        };
        let judged: Vec<_> = book.judged.iter().filter(is_it).collect();
        if judged.iter().any(|(_, judged)| judged.is_told) {
            return None;
        }
        let is_revoked = shown.as_ref().is_some_and(|shown| {
            let mut keys = revoked.iter();
            keys.any(|key| shown.strip_prefix(key.as_str()).is_some_and(is_a_words_end))
        });
        // The process may have ended before the kernel was asked.
        let from = from.or_else(|| judged.iter().find_map(|(_, judged)| judged.from));
        // sshd names each certificate that it does not take: of one that a gate allowed and it says nothing of, no more came.
        let is_certificate = shown.as_deref().is_some_and(is_certificate);
        let why = if let Some(barred) = barred {
            barred
        } else if is_revoked {
            Why::Revoked
        } else if !judged.is_empty() && !is_certificate {
            Why::NotProven
        } else {
            Why::NotTaken
        };
        Some(Refused {
            account,
            from: Origin {
                address: from.map(|from| from.address).or(address),
                ..origin(from)
            },
            shown,
            why,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether that is how sshd names a certificate.
fn is_certificate(shown: &str) -> bool {
    let kind = shown.split(' ').next();
    kind.is_some_and(|kind| kind.ends_with("-CERT"))
}

fn is_a_words_end(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(' ')
}

/// A login that came to nothing.
#[derive(Debug, PartialEq, Eq)]
struct Refused {
    account: String,
    from: Origin,
    shown: Option<String>,
    why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    /// In sshd's words.
    Barred(String),
    DeniedByPam,
    NotTaken,
    NotProven,
    Revoked,
}

impl Why {
    fn code(&self) -> &'static str {
        match self {
            Self::Barred(_) => "account-barred",
            Self::DeniedByPam => "denied-by-pam",
            Self::NotTaken => "refused-by-sshd",
            Self::NotProven => "key-not-proven",
            Self::Revoked => "on-revoked-list",
        }
    }

    fn reason(&self) -> String {
        let reason = match self {
            Self::Barred(why) => {
                return format!("sshd lets nobody into this account on this host: {why}");
            }
            Self::DeniedByPam => {
                "PAM's account stack refused it, and not by a word of the agent's: another module did, or the agent gave no answer in time"
            }
            Self::NotTaken => "sshd itself refused it: nothing was shown that opens this account",
            Self::NotProven => {
                "a certificate was shown that opens this account, and nobody proved to have its key"
            }
            Self::Revoked => "sshd refused a key that is on its list of revoked ones",
        };
        reason.to_owned()
    }
}

#[cfg(test)]
mod tests;
