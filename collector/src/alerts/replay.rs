//! What rules would have found in the past.

use std::collections::HashMap;
use std::time::Instant;

use super::document;
use super::rules::{Bursts, RuleSet};
use super::subject::Subject;
use crate::clock::Now;
use crate::collector::Collector;
use crate::index::IndexError;
use crate::index::query::{LIMIT, Order, Query};
use daypass_protocol::alert::Replay;

/// Alerts that are told of, at most.
const MOST: usize = 1000;

/// Which past, in microseconds since 1970: from, and before what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) since: i64,
    pub(crate) until: Option<i64>,
}

struct Replaying<'a> {
    rules: &'a RuleSet,
    bursts: Bursts,
    found: Replay,
    /// By rule, writer and subject: which of the alerts, and until when the same is counted.
    quiet: HashMap<(String, String, String), (usize, i64)>,
}

/// Tries `rules` on what is stored; until `deadline`.
pub(crate) fn replay(
    collector: &Collector,
    rules: &RuleSet,
    span: Span,
    deadline: Instant,
) -> Result<Replay, IndexError> {
    let mut replaying = Replaying {
        rules,
        bursts: Bursts::default(),
        found: Replay {
            rules: rules.count() as u64,
            complete: true,
            ..Replay::default()
        },
        quiet: HashMap::new(),
    };
    let mut query = Query {
        since: Some(span.since),
        until: span.until,
        limit: LIMIT,
        ..Query::all(Order::Oldest)
    };
    loop {
        let page = collector.index().search(&query)?;
        for found in &page.entries {
            replaying.judge(&found.origin, found.entry.as_bytes());
        }
        let is_over = Instant::now() >= deadline || replaying.found.alerts.len() >= MOST;
        match page.next {
            None => break,
            Some(_) if is_over => {
                replaying.found.complete = false;
                break;
            }
            next => query.after = next,
        }
    }
    let mut found = replaying.found;
    found.alerts.sort_by(|one, other| one.when.cmp(&other.when));
    found.alerts.truncate(MOST);
    Ok(found)
}

impl Replaying<'_> {
    fn judge(&mut self, origin: &str, line: &[u8]) {
        self.found.entries += 1;
        let subject = Subject::new(origin, line);
        let time = subject.source().micros().unwrap_or_default();
        for rule in self.rules.judge(&subject, &mut self.bursts) {
            let (writer, of) = (subject.writer().to_owned(), rule.subject_of(&subject));
            let key = (rule.name.clone(), writer, of);
            if let Some((place, until)) = self.quiet.get(&key)
                && time < *until
            {
                self.found.alerts[*place].count += 1;
                continue;
            }
            let alert = document::alert(rule, &subject, Vec::new(), None, Now::read());
            self.quiet.insert(
                key,
                (
                    self.found.alerts.len(),
                    time.saturating_add(rule.period.micros()),
                ),
            );
            self.found.alerts.push(alert);
        }
    }
}
