//! How much may be kept: a bucket for each account and one for all, which fill up again within an hour, and a bound for
//! what lies there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use daypass_journal::retention::Policy;

use super::Whose;

const MIB: u64 = 1024 * 1024;
/// What an account may have kept at once; as much comes back in an hour.
const ACCOUNT: u64 = 16 * MIB;
/// The same of all accounts together.
const ALL: u64 = 64 * MIB;
/// In which an empty bucket fills.
const FILLS: Duration = Duration::from_secs(60 * 60);
/// What lies there at most, where the settings do not bound the journal; else a quarter of that bound.
const KEPT: u64 = 1024 * MIB;
const PART_OF_JOURNAL: u64 = 4;
/// What a text counts at least: many small files are a burden, too.
const LEAST: u64 = 64 * 1024;
/// How long a count of what lies there holds; what comes in meanwhile is added to it.
const COUNTED: Duration = Duration::from_secs(60);
/// Accounts that are remembered: as many as fit into the bucket of all.
const ACCOUNTS: usize = (ALL / LEAST) as usize;

/// What somebody wants to have kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    pub(super) whose: Whose,
    pub(super) bytes: u64,
}

/// The buckets.
#[derive(Debug)]
pub(super) struct Quota {
    all: Bucket,
    accounts: BTreeMap<u32, Bucket>,
    bound: u64,
    /// What lies there, and when it was counted.
    kept: Option<(u64, Instant)>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    used: u64,
    seen: Instant,
}

impl Bucket {
    /// Lets run out what has by now, of a bucket of this size.
    fn at(self, now: Instant, size: u64) -> Self {
        let passed = now.saturating_duration_since(self.seen);
        let back = u128::from(size) * passed.as_millis() / FILLS.as_millis();
        Self {
            used: self
                .used
                .saturating_sub(u64::try_from(back).unwrap_or(u64::MAX)),
            seen: now,
        }
    }
}

impl Quota {
    pub(super) fn of(policy: &Policy) -> Self {
        let journal = policy.keep_mib.map(|mib| u64::from(mib) * MIB);
        Self {
            all: Bucket {
                used: 0,
                seen: Instant::now(),
            },
            accounts: BTreeMap::new(),
            bound: journal.map_or(KEPT, |journal| journal / PART_OF_JOURNAL),
            kept: None,
        }
    }

    /// Whether there is room, which is then taken. `count` says how much lies there, if each file counts at least so much.
    pub(super) fn take(
        &mut self,
        share: Share,
        now: Instant,
        count: impl FnOnce(u64) -> u64,
    ) -> bool {
        let Share { whose, bytes } = share;
        let cost = bytes.max(LEAST);
        self.all = self.all.at(now, ALL);
        self.forget(now);
        let is_known = self.accounts.contains_key(&whose.uid);
        if !is_known && self.accounts.len() >= ACCOUNTS {
            return false;
        }
        let fresh = Bucket { used: 0, seen: now };
        let own = self.accounts.get(&whose.uid).map_or(fresh, |own| *own);
        let own = own.at(now, ACCOUNT);
        let fits = own.used + cost <= ACCOUNT && self.all.used + cost <= whose.part(ALL);
        if !fits || self.kept(now, count).saturating_add(cost) > whose.part(self.bound) {
            return false;
        }
        let used = own.used + cost;
        self.accounts.insert(whose.uid, Bucket { used, ..own });
        self.all.used += cost;
        if let Some((kept, _)) = &mut self.kept {
            *kept += cost;
        }
        true
    }

    /// Accounts of which nothing is left to remember.
    fn forget(&mut self, now: Instant) {
        if self.accounts.len() >= ACCOUNTS {
            self.accounts
                .retain(|_, bucket| bucket.at(now, ACCOUNT).used > 0);
        }
    }

    fn kept(&mut self, now: Instant, count: impl FnOnce(u64) -> u64) -> u64 {
        match self.kept {
            Some((kept, since)) if now.saturating_duration_since(since) < COUNTED => kept,
            _ => {
                let kept = count(LEAST);
                self.kept = Some((kept, now));
                kept
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uid: u32, is_contractors: bool, bytes: u64) -> Share {
        let whose = Whose {
            uid,
            is_contractors,
        };
        Share { whose, bytes }
    }

    fn none(_: u64) -> u64 {
        0
    }

    #[test]
    fn an_account_has_so_much_and_it_comes_back_with_time() {
        let mut quota = Quota::of(&Policy::default());
        let now = Instant::now();
        assert!(quota.take(of(1, true, ACCOUNT), now, none));
        assert!(!quota.take(of(1, true, 1), now, none));
        assert!(quota.take(of(2, true, 1), now, none), "another account");
        let later = now + FILLS / 2;
        assert!(!quota.take(of(1, true, ACCOUNT / 2 + 1), later, none));
        assert!(quota.take(of(1, true, ACCOUNT / 2), later, none));
        assert!(!quota.take(of(1, true, 1), later, none));
    }

    #[test]
    fn whatever_others_use_up_half_of_it_is_left_for_contractors() {
        let mut quota = Quota::of(&Policy::default());
        let now = Instant::now();
        let accounts = |quota: &mut Quota, first: u32, is_contractors| {
            let mut taking = first..first + 100;
            taking
                .position(|uid| !quota.take(of(uid, is_contractors, ACCOUNT), now, none))
                .unwrap()
        };
        assert_eq!(accounts(&mut quota, 0, false), 2);
        assert_eq!(accounts(&mut quota, 1000, true), 2);
        assert!(!quota.take(of(5000, true, 1), now, none));
    }

    #[test]
    fn what_lies_there_is_bounded_by_a_share_of_the_journals_own_bound() {
        let policy = Policy {
            keep_mib: Some(40),
            ..Policy::default()
        };
        let mut quota = Quota::of(&policy);
        let now = Instant::now();
        let lies = |bytes: u64| move |_: u64| bytes;
        assert!(quota.take(of(1, true, MIB), now, lies(8 * MIB)));
        // It is not counted each time; what came in is known.
        assert!(quota.take(of(1, true, MIB), now, lies(0)));
        assert!(!quota.take(of(1, true, 1), now, lies(0)));
        let later = now + COUNTED;
        assert!(!quota.take(of(1, false, MIB), later, lies(5 * MIB)));
        assert!(quota.take(of(1, true, MIB), later, lies(5 * MIB)));
        // A small one counts for more than it has.
        let mut least = 0;
        quota.take(of(1, true, 1), later + COUNTED, |each| {
            least = each;
            0
        });
        assert_eq!((least, quota.kept.unwrap().0), (LEAST, LEAST));
    }

    #[test]
    fn ever_more_accounts_take_no_more_memory() {
        let mut quota = Quota::of(&Policy::default());
        let now = Instant::now();
        let taken = (0..5000).filter(|uid| quota.take(of(*uid, true, 1), now, none));
        assert_eq!(taken.count(), ACCOUNTS);
        assert!(quota.accounts.len() <= ACCOUNTS);
        assert!(quota.take(of(5000, true, 1), now + FILLS, none));
        assert_eq!(quota.accounts.len(), 1);
    }
}
