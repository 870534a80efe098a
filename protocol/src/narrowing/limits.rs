//! What narrowings leave of a window.

use super::{Narrowing, VerifiedNarrowing};
use crate::name::{Account, HostName, Name};
use crate::sudo_item::SudoItem;
use crate::time::Time;
use crate::window::{FrozenWindow, Window};

/// What all narrowings of one window leave together; nothing is narrowed by default.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Limits {
    ends: Option<Time>,
    hosts: Option<Vec<HostName>>,
    accounts: Option<Vec<Account>>,
    sudo: Option<Vec<SudoItem>>,
    last: Option<(Time, Name)>,
}

impl Limits {
    /// By those of the narrowings that count for this window.
    pub fn of<'a>(
        narrowings: impl IntoIterator<Item = &'a VerifiedNarrowing>,
        window: &FrozenWindow,
    ) -> Self {
        let mut limits = Self::default();
        for narrowing in narrowings {
            if narrowing.narrows(window) {
                limits.add(narrowing.narrowing());
            }
        }
        limits
    }

    /// By what was said, taken at its word: for who checked each when it came in, or only shows it.
    pub fn unverified<'a>(said: impl IntoIterator<Item = &'a Narrowing>) -> Self {
        let mut limits = Self::default();
        said.into_iter().for_each(|said| limits.add(said));
        limits
    }

    fn add(&mut self, narrowing: &Narrowing) {
        let Narrowing {
            ends,
            hosts,
            accounts,
            sudo,
            signer,
            time,
            ..
        } = narrowing;
        self.ends = match (self.ends, *ends) {
            (Some(before), Some(ends)) => Some(before.min(ends)),
            (before, ends) => before.or(ends),
        };
        keep(&mut self.hosts, hosts.as_deref());
        keep(&mut self.accounts, accounts.as_deref());
        if let Some(said) = sudo {
            self.sudo = Some(match &self.sudo {
                Some(before) => both(before, said),
                None => said.clone(),
            });
        }
        if self.last.as_ref().is_none_or(|(last, _)| last <= time) {
            self.last = Some((*time, signer.clone()));
        }
    }

    /// Whether anything was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// Who spoke last.
    #[must_use]
    pub fn by(&self) -> Option<&Name> {
        self.last.as_ref().map(|(_, name)| name)
    }

    /// What is left of this window. Its lists may be empty, and its end may lie before its beginning: nobody is let in
    /// by such a window.
    #[must_use]
    pub fn left_of(&self, window: &Window) -> Window {
        let mut left = window.clone();
        left.ends = self.ends.map_or(left.ends, |ends| ends.min(left.ends));
        retain(&mut left.hosts, self.hosts.as_deref());
        retain(&mut left.accounts, self.accounts.as_deref());
        if let Some(said) = &self.sudo {
            left.sudo = both(&left.sudo, said);
        }
        left
    }
}

/// What both the list before and the new one hold.
fn keep<T: Clone + PartialEq>(kept: &mut Option<Vec<T>>, said: Option<&[T]>) {
    match (kept, said) {
        (_, None) => {}
        (kept @ None, Some(said)) => *kept = Some(said.to_vec()),
        (Some(kept), Some(said)) => kept.retain(|entry| said.contains(entry)),
    }
}

fn retain<T: PartialEq>(list: &mut Vec<T>, said: Option<&[T]>) {
    if let Some(said) = said {
        list.retain(|entry| said.contains(entry));
    }
}

/// What both lists of sudo items let somebody run: `ALL` is whatever the other names.
fn both(one: &[SudoItem], other: &[SudoItem]) -> Vec<SudoItem> {
    if one.contains(&SudoItem::All) {
        other.to_vec()
    } else if other.contains(&SudoItem::All) {
        one.to_vec()
    } else {
        let shared = one.iter().filter(|item| other.contains(item));
        shared.cloned().collect()
    }
}
