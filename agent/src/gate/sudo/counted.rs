//! Commands that the settings exclude from the journal, because monitoring runs them all day: they are counted, and told
//! in one entry now and then. Never those of a session, never those of a managed account, and never one that is run in
//! any other way than plainly as root.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use daypass_protocol::event::{Action, Event, Outcome};

use super::listing::plain_command;
use crate::accounts::Names;
use crate::config::Exclude;
use crate::event;
use crate::gate::Gates;

/// Between two entries.
const SPAN: Duration = Duration::from_secs(15 * 60);

/// What is excluded, and how often it ran.
#[derive(Debug)]
pub(in crate::gate) struct Counted {
    excluded: Vec<Exclude>,
    counts: Mutex<BTreeMap<usize, Count>>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    calls: u64,
    since: DateTime<Utc>,
}

impl Counted {
    pub(in crate::gate) fn new(excluded: Vec<Exclude>) -> Self {
        Self {
            excluded,
            counts: Mutex::default(),
        }
    }

    /// Whether the settings exclude nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.excluded.is_empty()
    }

    /// Counts this call, if it is excluded.
    pub(super) fn takes(&self, names: &Names, uid: u32, words: &[Vec<u8>]) -> bool {
        let Some(command) = plain_command(words) else {
            return false;
        };
        // Word by word: an argument with a space in it is another command.
        let is_it = |excluded: &Exclude| {
            let excluded_words = excluded.command.split(' ').map(str::as_bytes);
            excluded_words.eq(command.iter().map(Vec::as_slice))
                && names.uid(&excluded.account) == Some(uid)
        };
        let Some(index) = self.excluded.iter().position(is_it) else {
            return false;
        };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(index).or_insert(Count {
            calls: 0,
            since: Utc::now(),
        });
        count.calls += 1;
        true
    }

    /// What was counted, if the oldest of it is this old.
    fn take(&self, age: Duration) -> Vec<(&Exclude, Count)> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let age = chrono::Duration::from_std(age).unwrap_or_default();
        let is_due = |count: &Count| Utc::now() - count.since >= age;
        if !counts.values().any(is_due) {
            return Vec::new();
        }
        let taken = mem::take(&mut *counts).into_iter();
        let excluded = |(index, count)| Some((self.excluded.get(index)?, count));
        taken.filter_map(excluded).collect()
    }
}

impl Gates {
    /// Tells what was counted, if it is time.
    pub(super) fn tell_counted(&self) {
        self.note_counted(SPAN);
    }

    /// Tells all that was counted: the agent stops.
    pub fn tell_all_counted(&self) {
        self.note_counted(Duration::ZERO);
    }

    fn note_counted(&self, age: Duration) {
        for (excluded, count) in self.counted.take(age) {
            self.intake.note(&self.counted_event(excluded, count));
        }
    }

    fn counted_event(&self, excluded: &Exclude, count: Count) -> Event {
        let since = count.since.to_rfc3339_opts(SecondsFormat::Secs, true);
        let snapshot = self.authority.snapshot();
        event::of_host(Action::SudoCounted, snapshot.host.name())
            .outcome(Outcome::Done)
            .by(crate::gate::account_identity(
                &excluded.account,
                self.names.uid(&excluded.account),
            ))
            .detail("command", excluded.command.clone())
            .detail("count", count.calls)
            .detail("since", since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Layout;

    fn words(line: &str) -> Vec<Vec<u8>> {
        line.split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect()
    }

    #[test]
    fn exactly_the_excluded_command_of_that_account_is_counted() {
        let counted = Counted::new(vec![Exclude {
            account: "root".to_owned(),
            command: "/usr/bin/check disk".to_owned(),
        }]);
        let names = Names::of_the_system(&Layout::system());
        assert!(counted.takes(&names, 0, &words("sudo -n /usr/bin/check disk")));
        assert!(counted.takes(&names, 0, &words("sudo -u root -- /usr/bin/check disk")));
        for (uid, line) in [
            (1, "sudo -n /usr/bin/check disk"),
            (0, "sudo -n /usr/bin/check"),
            (0, "sudo -n /usr/bin/check disk /etc/shadow"),
            (0, "sudo -n /usr/bin/sh -c /usr/bin/check disk"),
            (0, "sudo -s"),
            (0, "sudo -u www-data /usr/bin/check disk"),
            (0, "sudo -E /usr/bin/check disk"),
            (0, "sudo -D /tmp /usr/bin/check disk"),
            (0, "sudoedit /usr/bin/check disk"),
        ] {
            assert!(!counted.takes(&names, uid, &words(line)), "{uid} {line}");
        }
        let one_word = [b"sudo".to_vec(), b"/usr/bin/check disk".to_vec()];
        assert!(!counted.takes(&names, 0, &one_word));
        assert!(counted.take(SPAN).is_empty());
        let taken = counted.take(Duration::ZERO);
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].1.calls, 2);
        assert!(counted.take(Duration::ZERO).is_empty());
    }
}
