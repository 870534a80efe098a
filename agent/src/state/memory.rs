//! What this host remembers of everything that takes something away: stops, revocations, narrowings. Each counts by its
//! signer's own signature, and is kept whatever a later state omits.
//!
//! There is room for more than a CA with any history announces. Should it be used up all the same, what is kept stays, and
//! what is new counts only as long as states say it: whoever floods a host makes it forget nothing.

use std::collections::BTreeSet;
use std::fmt::Debug;

use daypass_protocol::narrowing::{SignedNarrowing, VerifiedNarrowing};
use daypass_protocol::revocation::{SignedRevocation, VerifiedRevocation};
use daypass_protocol::roster::Chain;
use daypass_protocol::statement::SignedStatement;
use daypass_protocol::stop::Stop;
use daypass_protocol::time::Time;
use serde::Serialize;

/// For those of one kind.
pub(super) const ROOM: Room = Room {
    entries: 20_000,
    bytes: 16 * 1024 * 1024,
};
/// What somebody may say of their own things alone has a half of the room: the other is kept for approvers and admins.
const SHARE: usize = 2;

const DAY: u64 = 86_400;

/// Something that was signed, and takes something away.
pub(super) trait Lasting: Clone {
    /// As people signed it.
    type Signed: Clone + Debug + Serialize;
    /// How long after it expires it is forgotten, in seconds.
    const KEPT: u64;

    fn text(signed: &Self::Signed) -> &str;
    fn check(signed: &Self::Signed, chain: &Chain) -> Option<Self>;
    fn expires(&self) -> Time;
    fn is_by_overseer(&self) -> bool;
}

impl Lasting for Stop {
    type Signed = SignedStatement;
    /// By then no window that it names is left.
    const KEPT: u64 = 365 * DAY;

    fn text(signed: &SignedStatement) -> &str {
        &signed.statement
    }

    fn check(signed: &SignedStatement, chain: &Chain) -> Option<Self> {
        Self::check(signed, chain).ok()
    }

    fn expires(&self) -> Time {
        self.expires()
    }

    fn is_by_overseer(&self) -> bool {
        self.is_by_overseer()
    }
}

impl Lasting for VerifiedRevocation {
    type Signed = SignedRevocation;
    const KEPT: u64 = 365 * DAY;

    fn text(signed: &SignedRevocation) -> &str {
        &signed.revocation
    }

    fn check(signed: &SignedRevocation, chain: &Chain) -> Option<Self> {
        signed.check(chain).ok()
    }

    fn expires(&self) -> Time {
        self.revocation().expires
    }

    fn is_by_overseer(&self) -> bool {
        self.is_by_overseer()
    }
}

impl Lasting for VerifiedNarrowing {
    type Signed = SignedNarrowing;
    /// It expires with its window, and says nothing of anything else; a day is for clocks.
    const KEPT: u64 = DAY;

    fn text(signed: &SignedNarrowing) -> &str {
        &signed.narrowing
    }

    fn check(signed: &SignedNarrowing, chain: &Chain) -> Option<Self> {
        signed.check(chain).ok()
    }

    fn expires(&self) -> Time {
        self.narrowing().expires
    }

    fn is_by_overseer(&self) -> bool {
        self.is_by_overseer()
    }
}

/// How much is remembered, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) entries: usize,
    /// As `state.json` has them.
    pub(super) bytes: usize,
}

/// All of one kind that count now, in the order in which they came.
#[derive(Clone, Debug)]
pub(super) struct Memory<V: Lasting> {
    kept: Vec<Kept<V>>,
    room: Room,
}

#[derive(Clone, Debug)]
struct Kept<V: Lasting> {
    signed: V::Signed,
    verified: V,
    size: usize,
    /// Whether it has a place; else it goes with the state that says it.
    has_place: bool,
}

impl<V: Lasting> Memory<V> {
    pub(super) fn with(room: Room) -> Self {
        Self {
            kept: Vec::new(),
            room,
        }
    }

    /// What was remembered before a restart.
    pub(super) fn of(signed: &[V::Signed], chain: &Chain) -> Self {
        let mut memory = Self::with(ROOM);
        memory.hear(signed, chain);
        memory
    }

    /// Takes in what a state says; tells how many of it count for nothing.
    pub(super) fn hear(&mut self, said: &[V::Signed], chain: &Chain) -> usize {
        let texts: BTreeSet<&str> = said.iter().map(V::text).collect();
        self.kept
            .retain(|kept| kept.has_place || texts.contains(V::text(&kept.signed)));
        let mut seen: BTreeSet<String> = self.texts().map(str::to_owned).collect();
        let mut unusable = 0;
        for signed in said {
            if !seen.insert(V::text(signed).to_owned()) {
                continue;
            }
            match V::check(signed, chain) {
                Some(verified) => self.kept.push(Kept {
                    size: size(signed),
                    signed: signed.clone(),
                    verified,
                    has_place: false,
                }),
                None => unusable += 1,
            }
        }
        self.settle();
        unusable
    }

    /// Forgets what expired long before `now`.
    pub(super) fn forget(&mut self, now: Time) {
        self.kept
            .retain(|kept| now < kept.verified.expires().plus(V::KEPT));
        self.settle();
    }

    /// Gives places to those that have none, as far as there are any, in the order in which they came.
    fn settle(&mut self) {
        let (mut all, mut own) = (Taken::default(), Taken::default());
        let (room, share) = (self.room, self.room.share());
        // Those that have a place come first: nobody loses one.
        let (placed, waiting): (Vec<_>, Vec<_>) =
            self.kept.iter_mut().partition(|kept| kept.has_place);
        for kept in placed.into_iter().chain(waiting) {
            let is_own = !kept.verified.is_by_overseer();
            let (with_all, with_own) = (all.with(kept.size), own.with(kept.size));
            let has_room = with_all.fits(room) && (!is_own || with_own.fits(share));
            if !has_room && !kept.has_place {
                continue;
            }
            kept.has_place = true;
            all = with_all;
            if is_own {
                own = with_own;
            }
        }
    }

    /// All that count now.
    pub(super) fn all(&self) -> impl Iterator<Item = &V> {
        self.kept.iter().map(|kept| &kept.verified)
    }

    /// What is to be found again after a restart.
    pub(super) fn lasting(&self) -> Vec<V::Signed> {
        let lasting = self.kept.iter().filter(|kept| kept.has_place);
        lasting.map(|kept| kept.signed.clone()).collect()
    }

    /// How many there is no room for.
    pub(super) fn without_place(&self) -> usize {
        self.kept.iter().filter(|kept| !kept.has_place).count()
    }

    /// How many were not there `before`.
    pub(super) fn news_since(&self, before: &Self) -> usize {
        let known: BTreeSet<&str> = before.texts().collect();
        self.texts().filter(|text| !known.contains(text)).count()
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.kept.iter().map(|kept| V::text(&kept.signed))
    }
}

impl Room {
    /// For what people say of their own things alone.
    fn share(self) -> Self {
        Self {
            entries: self.entries / SHARE,
            bytes: self.bytes / SHARE,
        }
    }
}

/// What is taken of the room so far.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    entries: usize,
    bytes: usize,
}

impl Taken {
    fn with(self, size: usize) -> Self {
        Self {
            entries: self.entries + 1,
            bytes: self.bytes.saturating_add(size),
        }
    }

    fn fits(self, room: Room) -> bool {
        self.entries <= room.entries && self.bytes <= room.bytes
    }
}

/// Bytes in `state.json`, with the comma behind it.
fn size(signed: &impl Serialize) -> usize {
    // Strings only: this cannot fail.
    serde_json::to_vec(signed).map_or(usize::MAX, |text| text.len() + 1)
}

#[cfg(test)]
mod tests;
