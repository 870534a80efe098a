//! Command lines that are longer than what an entry keeps of them: how much of them is kept whole.
//!
//! The whole stands in a file beside the journal. Whoever types such lines all day must not fill the disk or the agent's
//! memory with them: an account has so much an hour, all have, and all that is kept has a bound. What is over it is not
//! kept, which the entry says; nobody is refused for it. Half of what all have is for contractors alone, so that nobody
//! else can use up what is there for them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use daypass_journal::blob::{self, BLOB_LIMIT};
use daypass_journal::retention::Policy;
use daypass_protocol::digest::Digest;
use daypass_protocol::event::Event;

mod quota;

use quota::{Quota, Share};

/// Bytes of lines that are read or wait for their entries, at once: of all,
const UNDERWAY: usize = 32 * 1024 * 1024;
/// and of one account.
const UNDERWAY_OF_ONE: usize = 16 * 1024 * 1024;

/// Whose line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whose {
    /// The account.
    pub uid: u32,
    /// Whether it comes out of a contractor's session.
    pub is_contractors: bool,
}

impl Whose {
    /// Of so much for all, what this account may use.
    fn part(self, all: u64) -> u64 {
        match self.is_contractors {
            true => all,
            false => all / 2,
        }
    }
}

/// Bytes of memory that a line takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// The line.
    pub line: usize,
    /// What it is made from, as long as it is read.
    pub source: usize,
}

/// A whole line, as long as it waits for its entry.
pub struct Text {
    bytes: Vec<u8>,
    whose: Whose,
    _place: Place,
}

/// Memory that somebody's line takes, until it is dropped.
struct Place {
    uid: u32,
    bytes: usize,
    underway: Arc<Mutex<Underway>>,
}

/// Bytes in memory, by account.
#[derive(Debug, Default)]
struct Underway {
    of: BTreeMap<u32, usize>,
}

/// What an entry does not have of a command line.
#[derive(Clone, Debug)]
pub enum Rest {
    /// Nothing is missing, or it was seen to.
    Nothing,
    /// The line is longer.
    Text(Arc<Text>),
    /// Likewise, but it cannot be kept.
    Lost(Lost),
}

/// Why a line is not kept whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// There was too much of it.
    OverQuota,
    /// No text is as long.
    TooLong,
    /// The disk refused, the journal is down, or whoever typed it is gone.
    Failed,
}

impl Lost {
    /// The event, which says so.
    #[must_use]
    pub fn told(self, event: Event) -> Event {
        let why = match self {
            Self::OverQuota => "over-quota",
            Self::TooLong => "too-long",
            Self::Failed => "failed",
        };
        event.detail("whole_not_kept", why)
    }
}

impl Text {
    /// The line.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Text({} bytes)", self.bytes.len())
    }
}

impl Place {
    /// `None` where there is no room.
    fn take(underway: &Arc<Mutex<Underway>>, whose: Whose, bytes: usize) -> Option<Self> {
        let is_taken = lock(underway).take(whose, bytes);
        is_taken.then(|| Self {
            uid: whose.uid,
            bytes,
            underway: Arc::clone(underway),
        })
    }

    /// The rest is not needed any more.
    fn shrink_to(&mut self, bytes: usize) {
        lock(&self.underway).give_back(self.uid, self.bytes - bytes);
        self.bytes = bytes;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.underway).give_back(self.uid, self.bytes);
    }
}

impl Underway {
    fn take(&mut self, whose: Whose, bytes: usize) -> bool {
        let all: usize = self.of.values().sum();
        let own = self.of.get(&whose.uid).copied().unwrap_or_default();
        let is_room =
            (all + bytes) as u64 <= whose.part(UNDERWAY as u64) && own + bytes <= UNDERWAY_OF_ONE;
        if is_room {
            self.of.insert(whose.uid, own + bytes);
        }
        is_room
    }

    fn give_back(&mut self, uid: u32, bytes: usize) {
        if let Some(own) = self.of.get_mut(&uid) {
            *own -= bytes;
            if *own == 0 {
                self.of.remove(&uid);
            }
        }
    }
}

/// What is kept whole, and how much more may be.
#[derive(Debug)]
pub struct Texts {
    journal: PathBuf,
    quota: Mutex<Quota>,
    underway: Arc<Mutex<Underway>>,
}

impl Texts {
    /// Of this journal, which keeps what the policy says.
    #[must_use]
    pub fn of(journal: PathBuf, policy: &Policy) -> Self {
        Self {
            journal,
            quota: Mutex::new(Quota::of(policy)),
            underway: Arc::default(),
        }
    }

    /// Holds a line until its first entry. It is read only if there is room for it: nobody waits until there is, and what is
    /// held of all lines at once is bounded.
    pub fn hold(&self, whose: Whose, size: Size, read: impl FnOnce() -> Option<Vec<u8>>) -> Rest {
        if size.line > BLOB_LIMIT {
            return Rest::Lost(Lost::TooLong);
        }
        let all = size.line.saturating_add(size.source);
        let Some(mut place) = Place::take(&self.underway, whose, all) else {
            return Rest::Lost(Lost::OverQuota);
        };
        let Some(bytes) = read().filter(|bytes| bytes.len() == size.line) else {
            return Rest::Lost(Lost::Failed);
        };
        place.shrink_to(size.line);
        Rest::Text(Arc::new(Text {
            bytes,
            whose,
            _place: place,
        }))
    }

    /// What is to be kept before the entry: nothing, the line, or why it is not. What is there already is kept once more
    /// for nothing.
    ///
    /// # Errors
    /// [`Lost`].
    pub fn admit(&self, rest: &Rest, sha256: Digest) -> Result<Option<Arc<Text>>, Lost> {
        self.admit_at(rest, sha256, Instant::now())
    }

    fn admit_at(
        &self,
        rest: &Rest,
        sha256: Digest,
        now: Instant,
    ) -> Result<Option<Arc<Text>>, Lost> {
        let text = match rest {
            Rest::Nothing => return Ok(None),
            Rest::Lost(lost) => return Err(*lost),
            Rest::Text(text) => text,
        };
        if blob::path(&self.journal, &sha256.to_string()).is_none() {
            let share = Share {
                whose: text.whose,
                bytes: text.bytes.len() as u64,
            };
            // A directory that cannot be read takes no more either.
            let is_room = lock(&self.quota).take(share, now, |least| {
                blob::total(&self.journal, least).unwrap_or(u64::MAX)
            });
            if !is_room {
                return Err(Lost::OverQuota);
            }
        }
        Ok(Some(Arc::clone(text)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAROL: Whose = Whose {
        uid: 1001,
        is_contractors: true,
    };
    const OLGA: Whose = Whose {
        uid: 1002,
        is_contractors: false,
    };

    const MIB: usize = 1024 * 1024;

    /// A line of nothing but this byte.
    fn hold(texts: &Texts, whose: Whose, text: u8, line: usize) -> Rest {
        let size = Size { line, source: 0 };
        texts.hold(whose, size, || Some(vec![text; line]))
    }

    #[test]
    fn what_waits_in_memory_is_bounded_by_account_and_in_all_and_room_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let texts = Texts::of(dir.path().to_owned(), &Policy::default());
        let hold = |whose| hold(&texts, whose, 0, UNDERWAY_OF_ONE / 2);
        let is_held = |rest: &Rest| matches!(rest, Rest::Text(_));
        let [one, two] = [OLGA, OLGA].map(hold);
        assert!(is_held(&one) && is_held(&two));
        let somebody = Whose { uid: 1003, ..OLGA };
        assert!(!is_held(&hold(OLGA)) && !is_held(&hold(somebody)));
        // There is room for contractors still.
        let [three, four] = [CAROL, CAROL].map(hold);
        assert!(is_held(&three) && is_held(&four));
        assert!(!is_held(&hold(CAROL)));
        assert_eq!(
            texts.admit(&hold(CAROL), Digest::of("")).unwrap_err(),
            Lost::OverQuota
        );
        drop((one, three));
        assert!(is_held(&hold(CAROL)));
        assert!(
            texts
                .admit(&Rest::Nothing, Digest::of(""))
                .unwrap()
                .is_none()
        );
        drop((two, four));
        assert!(lock(&texts.underway).of.is_empty());
    }

    #[test]
    fn what_there_is_no_room_for_is_not_read_and_what_it_is_made_from_counts_while_it_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let texts = Texts::of(dir.path().to_owned(), &Policy::default());
        let underway = || lock(&texts.underway).of.values().sum::<usize>();
        let size = Size {
            line: 5 * MIB,
            source: 4 * MIB,
        };
        let first = texts.hold(CAROL, size, || {
            assert_eq!(underway(), 9 * MIB);
            Some(vec![0; size.line])
        });
        assert!(matches!(first, Rest::Text(_)));
        assert_eq!(underway(), 5 * MIB);
        // As many as may stand at the door, all at once.
        let crowd: Vec<_> = (0..256)
            .map(|uid| {
                let whose = Whose { uid, ..CAROL };
                texts.hold(whose, size, || {
                    assert!(underway() <= UNDERWAY);
                    Some(vec![0; size.line])
                })
            })
            .collect();
        let held = crowd.iter().filter(|rest| matches!(rest, Rest::Text(_)));
        assert_eq!(held.count(), 4, "5 MiB each, and 9 for who is read last");
        let is_lost = |rest: Rest, lost| matches!(rest, Rest::Lost(found) if found == lost);
        let unread = || -> Option<Vec<u8>> { panic!("it was read") };
        assert!(is_lost(texts.hold(CAROL, size, unread), Lost::OverQuota));
        drop(crowd);
        let endless = Size {
            line: BLOB_LIMIT + 1,
            source: 0,
        };
        assert!(is_lost(texts.hold(CAROL, endless, unread), Lost::TooLong));
        for changed in [None, Some(vec![0; 3])] {
            assert!(is_lost(texts.hold(CAROL, size, || changed), Lost::Failed));
        }
        drop(first);
        assert!(lock(&texts.underway).of.is_empty());
    }

    #[test]
    fn over_the_quota_nothing_more_is_kept_but_what_is_there_already() {
        let dir = tempfile::tempdir().unwrap();
        let texts = Texts::of(dir.path().to_owned(), &Policy::default());
        let now = Instant::now();
        let hash = |text: u8| Digest::of(vec![text; 4 * MIB]);
        let admit = |text: u8| {
            let rest = hold(&texts, OLGA, text, 4 * MIB);
            texts.admit_at(&rest, hash(text), now)
        };
        for text in 0..4 {
            assert!(admit(text).unwrap().is_some());
        }
        assert_eq!(admit(4).unwrap_err(), Lost::OverQuota);
        let blobs = dir.path().join("blobs");
        std::fs::create_dir(&blobs).unwrap();
        std::fs::write(blobs.join(hash(4).to_string()), vec![4; 4 * MIB]).unwrap();
        assert!(admit(4).unwrap().is_some());
    }
}
