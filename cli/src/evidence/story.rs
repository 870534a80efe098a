//! What a bundle shows, for people and for programs: who did what, where, when, allowed by whom, proven how.

use serde_json::{Value, json};

use super::judge::Judgement;
use super::records::{Proofs, Record};
use super::visit::Visit;
use crate::output::inert::inert;
use crate::{moment, portrait};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Everything holds.
    Proven,
    /// Something does not.
    Tampered,
    /// Nothing is wrong, and something is missing.
    Incomplete,
}

impl Judgement {
    pub(super) fn verdict(&self) -> Verdict {
        match (&self.faults[..], &self.lacks[..]) {
            ([], []) => Verdict::Proven,
            ([], _) => Verdict::Incomplete,
            _ => Verdict::Tampered,
        }
    }

    /// The story, inert, one line a fact.
    pub(super) fn told(&self, zone: &TimeZone) -> Vec<String> {
        let mut lines = Vec::new();
        if self.faults.is_empty() {
            for visit in &self.visits {
                self.tell_visit(visit, zone, &mut lines);
            }
            self.tell_rest(zone, &mut lines);
            for proofs in &self.proofs {
                tell_proofs(proofs, zone, &mut lines);
            }
        }
        for remark in &self.remarks {
            lines.push(format!("note: {}", inert(&remark.to_string())));
        }
        for lack in &self.lacks {
            lines.push(format!("missing: {}", inert(&lack.to_string())));
        }
        for fault in &self.faults {
            lines.push(format!("does not hold: {}", inert(&fault.to_string())));
        }
        lines.push(
            match self.verdict() {
                Verdict::Proven => "PROVEN: everything in this bundle holds, by the keys of the trust file. That nothing was left out of it, it cannot show.",
                Verdict::Tampered => "TAMPERED WITH: what does not hold is named above; nothing else in the bundle is to be relied on.",
                Verdict::Incomplete => "INCOMPLETE: nothing in this bundle is wrong, but it does not prove all that it says; what is missing is named above.",
            }
            .to_owned(),
        );
        lines
    }

    /// The same, for programs.
    pub(super) fn to_json(&self) -> Value {
        let texts = |items: Vec<String>| Value::from(items);
        let fault = |fault: &super::fault::Fault| json!({"part": fault.part(), "cause": fault.damage().to_string()});
        let visit = |visit: &Visit| {
            let entries: Vec<String> = self
                .entries_of(visit)
                .map(|record| record.part().to_string())
                .collect();
            let opened = self.opening(visit);
            json!({
                "session": visit.session,
                "person": opened.map(|record| record.entry.text("/identity/person")),
                "account": opened.map(|record| record.entry.text("/identity/account")),
                "host": opened.map(|record| record.entry.text("/resource/host")),
                "window": visit.window.to_string(),
                "serial": visit.serial.to_string(),
                "asked_by": visit.approved.as_ref().map(|window| window.opener().to_string()),
                "approved_by": visit.approved.as_ref().map(|window| {
                    window.approvers().iter().map(ToString::to_string).collect::<Vec<_>>()
                }),
                "entries": entries,
            })
        };
        let journal = |proofs: &Proofs| {
            json!({
                "origin": proofs.origin, "proven": proofs.entries, "sizes": proofs.sizes,
                "witnesses": proofs.witnesses.iter().map(|(name, (time, size))| json!({"name": name, "time": time, "size": size})).collect::<Vec<_>>(),
                "unwitnessed": proofs.unwitnessed,
            })
        };
        // As for people: once something does not hold, nothing else in the bundle is to be relied on.
        let holds = self.faults.is_empty();
        let visits = self.visits.iter().filter(|_| holds);
        let journals = self.proofs.iter().filter(|_| holds);
        json!({
            "verdict": match self.verdict() {
                Verdict::Proven => "proven",
                Verdict::Tampered => "tampered",
                Verdict::Incomplete => "incomplete",
            },
            "faults": self.faults.iter().map(fault).collect::<Vec<_>>(),
            "missing": texts(self.lacks.iter().map(ToString::to_string).collect()),
            "notes": texts(self.remarks.iter().map(ToString::to_string).collect()),
            "visits": visits.map(visit).collect::<Vec<_>>(),
            "journals": journals.map(journal).collect::<Vec<_>>(),
        })
    }

    fn opening(&self, visit: &Visit) -> Option<&Record> {
        self.records
            .iter()
            .find(|record| record.journal == visit.journal && record.seq == visit.opened)
    }

    fn entries_of<'a>(&'a self, visit: &'a Visit) -> impl Iterator<Item = &'a Record> {
        self.records.iter().filter(|record| {
            record.journal == visit.journal && record.entry.text("/origin/session") == visit.session
        })
    }

    fn tell_visit(&self, visit: &Visit, zone: &TimeZone, lines: &mut Vec<String>) {
        let Some(opened) = self.opening(visit) else {
            return;
        };
        let text = |pointer| inert(opened.entry.text(pointer)).into_owned();
        lines.push(format!(
            "{} was on {} as {}, session {}",
            text("/identity/person"),
            text("/resource/host"),
            text("/identity/account"),
            inert(&visit.session),
        ));
        if !text("/origin/address").is_empty() {
            lines.push(format!("  from         {}", text("/origin/address")));
        }
        lines.push(format!(
            "  with         certificate {}, key {}",
            visit.serial,
            text("/identity/key")
        ));
        lines.push(format!("  in window    {}", visit.window));
        if let Some(approved) = &visit.approved {
            let document = approved.document();
            lines.push(format!(
                "  because      {}",
                inert(document.reason.as_str())
            ));
            lines.push(format!(
                "  open         {} until {}",
                portrait::both(document.starts, zone),
                portrait::both(document.ends, zone)
            ));
            lines.push(format!("  asked for by {}", approved.opener()));
            let approvers: Vec<_> = approved
                .approvers()
                .iter()
                .map(ToString::to_string)
                .collect();
            lines.push(format!(
                "  approved by  {} (roster {})",
                approvers.join(", "),
                approved.roster()
            ));
        }
        for record in self.entries_of(visit) {
            lines.push(tell(record, zone));
        }
        lines.push(String::new());
    }

    /// What no visit tells: the CA's decisions, and what happened without a window.
    fn tell_rest(&self, zone: &TimeZone, lines: &mut Vec<String>) {
        let is_told = |record: &Record| {
            self.visits.iter().any(|visit| {
                visit.journal == record.journal
                    && record.entry.text("/origin/session") == visit.session
            })
        };
        let rest: Vec<&Record> = self
            .records
            .iter()
            .filter(|record| !record.action().starts_with("journal.") && !is_told(record))
            .collect();
        if rest.is_empty() {
            return;
        }
        lines.push("Beside that:".to_owned());
        lines.extend(rest.into_iter().map(|record| tell(record, zone)));
        lines.push(String::new());
    }
}

fn tell(record: &Record, zone: &TimeZone) -> String {
    let entry = &record.entry;
    let time = entry
        .time()
        .map_or_else(String::new, |time| moment::brief(time, zone));
    let mut line = format!(
        "    {time}  {} {}",
        inert(record.action()),
        inert(entry.text("/outcome"))
    );
    let is_of_session = !entry.text("/origin/session").is_empty();
    let who = entry.text("/identity/person");
    if !is_of_session && !who.is_empty() {
        line = format!("{line}  {}", inert(who));
    }
    let what = entry.what();
    if !what.is_empty() {
        line = format!("{line}  {what}");
    }
    line
}

fn tell_proofs(proofs: &Proofs, zone: &TimeZone, lines: &mut Vec<String>) {
    let sizes: Vec<String> = proofs.sizes.iter().map(ToString::to_string).collect();
    lines.push(format!(
        "{} entries of {} are in its tree of {} entries, signed by the log",
        proofs.entries,
        inert(&proofs.origin),
        sizes.join(" and ")
    ));
    for (witness, (time, size)) in &proofs.witnesses {
        let time = i64::try_from(*time)
            .ok()
            .and_then(|time| Timestamp::from_second(time).ok());
        let time = time.map_or_else(String::new, |time| {
            format!(" at {}", moment::brief(time, zone))
        });
        lines.push(format!(
            "  witnessed to entry {size} by {}{time}",
            inert(witness)
        ));
    }
}
