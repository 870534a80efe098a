//! The first entry of a call of sudo, before which its command line is kept whole where the entry has only its beginning.
//! The entries that follow name the same line by its hash.

use std::sync::Arc;

use daypass_protocol::event::Event;

use super::Sudo;
use crate::facts::{CommandLine, Process};
use crate::gate::Gates;
use crate::intake::{NotCommitted, Receipt};
use crate::texts::{Rest, Size, Text, Whose};

impl Gates {
    /// What the entry will not have of the line, where there is room to hold it.
    pub(super) fn rest_of(&self, process: Process, line: &CommandLine, whose: Whose) -> Rest {
        if !line.command.is_cut() {
            return Rest::Nothing;
        }
        let size = Size {
            line: line.command.length(),
            source: line.shown,
        };
        let read = || process.whole_line(line).ok().flatten();
        self.texts.hold(whose, size, read)
    }

    /// Nobody waits for it.
    pub(super) fn note_call(&self, sudo: &Sudo, event: Event) {
        match self.with_text(sudo, event) {
            (event, None) => self.intake.note(&event),
            (event, Some(text)) => self.intake.note_with_text(event, text),
        }
    }

    /// Durable, and under a key that is wiped, before this returns; the line likewise.
    pub(in crate::gate) fn commit_call(
        &self,
        sudo: &Sudo,
        event: Event,
    ) -> Result<Receipt, NotCommitted> {
        match self.with_text(sudo, event) {
            (event, None) => self.intake.commit_ending_epoch(&event),
            (event, Some(text)) => self.intake.commit_with_text_ending_epoch(event, &text),
        }
    }

    /// The text to keep with it. Over the quota nobody is refused: the event says it.
    fn with_text(&self, sudo: &Sudo, event: Event) -> (Event, Option<Arc<Text>>) {
        match self.texts.admit(&sudo.rest, sudo.command.sha256()) {
            Ok(text) => (event, text),
            Err(lost) => (lost.told(event), None),
        }
    }
}

impl Sudo {
    /// From its first entry on it holds no more than what entries keep.
    pub(super) fn let_go(&mut self) {
        self.rest = Rest::Nothing;
    }
}

#[cfg(test)]
mod tests {
    use daypass_protocol::digest::Digest;
    use serde_json::{Value, json};

    use super::*;
    use crate::fixture::KEPT;
    use crate::gate::fixture::Host;
    use crate::sessions::fixture::Monitor;

    /// By which service contractors' calls go, and everybody else's.
    const CONTRACTORS: &str = "daypass-sudo";
    const OTHERS: &str = "sudo";

    /// The entries that name this line, and that it is kept.
    fn of_line<'a>(entries: &'a [Value], line: &[u8]) -> Vec<&'a Value> {
        let hash = json!(Digest::of(line));
        let names = |entry: &&Value| entry["sha256"] == hash || entry["command"]["sha256"] == hash;
        entries.iter().filter(names).collect()
    }

    #[test]
    fn whoever_calls_the_whole_line_is_kept_before_its_first_entry() {
        let host = Host::with("");
        let (carols, one) = Monitor::of_a_long_line(20_000);
        let (olgas, two) = Monitor::of_a_long_line(30_000);
        let (refused, three) = Monitor::of_a_long_line(40_000);
        host.let_in(&carols, 1);
        host.account(&carols, CONTRACTORS);
        host.account(&olgas, OTHERS);
        host.account(&refused, CONTRACTORS);
        let entries = host.entries();
        for (line, action) in [
            (one, "sudo.request"),
            (two, "sudo.request"),
            (three, "sudo.denied"),
        ] {
            let [kept, entry] = of_line(&entries, &line)[..] else {
                panic!("{entries:?}");
            };
            assert_eq!(
                (&kept["action"], &entry["action"]),
                (&json!(KEPT), &json!(action))
            );
            assert_eq!(entry["command"]["blob"], true);
            assert_eq!(entry["command"]["length"], line.len());
            assert!(entry["command"]["line"].as_str().unwrap().len() < line.len());
        }
    }

    #[test]
    fn over_the_quota_nobody_is_refused_and_the_entry_says_so() {
        let host = Host::with("");
        let (carols, line) = Monitor::of_a_long_line(20_000);
        let session = host.let_in(&carols, 1);
        let whose = Whose {
            uid: session.record.uid,
            is_contractors: true,
        };
        let size = Size {
            line: 8 * 1024 * 1024,
            source: 0,
        };
        let hold = || {
            host.gates
                .texts
                .hold(whose, size, || Some(vec![0; size.line]))
        };
        let _all = [hold(), hold()];
        let answer = host.account(&carols, CONTRACTORS);
        assert!(matches!(answer, daypass_gate::Response::Allow { .. }));
        let entries = host.entries();
        let [entry] = of_line(&entries, &line)[..] else {
            panic!("{entries:?}");
        };
        assert_eq!(entry["detail"]["whole_not_kept"], "over-quota");
        assert_eq!(entry["command"].get("blob"), None);
    }

    #[test]
    fn a_call_that_goes_on_holds_nothing_but_what_its_entries_keep() {
        let host = Host::with("");
        let (carols, _) = Monitor::of_a_long_line(20_000);
        host.let_in(&carols, 1);
        host.account(&carols, CONTRACTORS);
        let live = host.gates.sudos.lock();
        assert_eq!(live.len(), 1);
        assert!(live.values().all(|sudo| matches!(sudo.rest, Rest::Nothing)));
    }
}
