//! The CA's own entries about windows must say what the windows and statements beside them say.

use std::collections::BTreeMap;

use daypass_protocol::revocation::SignedRevocation;
use daypass_protocol::roster::VerifiedRoster;
use daypass_protocol::statement::{SignedStatement, Verb};
use daypass_protocol::window::WindowId;

use super::fault::{Damage, Fault};
use super::judge::{Lack, Remark};
use super::part::Part;
use super::people;
use super::records::Record;
use super::windows::{Gathered, Window};

/// The statement that an entry of a decision carries.
pub(super) fn statement_of(record: &Record) -> Option<SignedStatement> {
    let statement = record.detail("statement")?;
    if statement.is_object() {
        return serde_json::from_value(statement.clone()).ok();
    }
    Some(SignedStatement {
        statement: statement.as_str()?.to_owned(),
        signature: record.detail_text("signature")?.parse().ok()?,
    })
}

/// The window that an entry is about, when it is one of a decision.
pub(super) fn window_of(record: &Record) -> Option<WindowId> {
    let is_decision = record.action().starts_with("window.");
    is_decision.then(|| record.entry.text("/identity/window").parse().ok())?
}

/// Takes window and statement out of an entry.
pub(super) fn gather(record: &Record, windows: &mut BTreeMap<WindowId, Gathered>) {
    let Some(window) = window_of(record) else {
        return;
    };
    let gathered = windows.entry(window).or_default();
    if let Some(text) = record.detail_text("window") {
        gathered.document.get_or_insert_with(|| text.to_owned());
    }
    if let Some(statement) = statement_of(record) {
        gathered.say(statement);
    }
}

/// The entry's word for what a statement says.
fn action_of(verb: Verb) -> &'static str {
    match verb {
        Verb::Request => "window.requested",
        Verb::Approve => "window.approved",
        Verb::Deny => "window.denied",
        Verb::Grant => "window.granted",
        Verb::End => "window.ended",
        Verb::Revoke => "window.revoked",
    }
}

/// What the entries of decisions show.
#[derive(Default)]
pub(super) struct Decisions {
    pub(super) faults: Vec<Fault>,
    pub(super) lacks: Vec<Lack>,
    pub(super) remarks: Vec<Remark>,
}

/// Compares what entries say with the parts, and names what cannot be compared.
pub(super) fn check(
    records: &[Record],
    windows: &BTreeMap<WindowId, Window>,
    rosters: &[VerifiedRoster],
) -> Decisions {
    let mut decisions = Decisions::default();
    for record in records {
        if record.action().starts_with("window.") {
            decisions.of_window(record, windows);
        } else if record.action() == "access.revoked" {
            decisions.of_access(record, rosters);
        }
    }
    decisions
}

impl Decisions {
    fn of_window(&mut self, record: &Record, windows: &BTreeMap<WindowId, Window>) {
        let window = window_of(record).and_then(|id| Some((id, windows.get(&id)?)));
        let Some((id, window)) = window else {
            return self.lack(record, "its window");
        };
        compare(record, id, window, &mut self.faults);
        let Some(statement) = statement_of(record) else {
            return self.lack(record, "its statement");
        };
        match window.said.iter().find(|said| said.signed == statement) {
            Some(said) if action_of(said.verified.verb()) == record.action() => {}
            Some(said) => {
                let verb = said.verified.verb().as_str();
                let damage = Damage::OtherDecision { verb };
                self.faults.push(Fault::new(&record.part(), damage));
            }
            None => self
                .faults
                .push(differs(record, "statement", format!("windows/{id}/"))),
        }
    }

    /// A person, key, certificate or host was revoked: the entry has the signed words themselves.
    fn of_access(&mut self, record: &Record, rosters: &[VerifiedRoster]) {
        let signed = record.detail_text("revocation").and_then(|revocation| {
            Some(SignedRevocation {
                revocation: revocation.to_owned(),
                signature: record.detail_text("signature")?.parse().ok()?,
            })
        });
        let said = signed.and_then(|signed| Some((signed.read_unverified().ok()?, signed)));
        let Some((said, signed)) = said else {
            return self.lack(record, "the signed revocation");
        };
        let is_shown = record.detail_text("verb") == Some(said.verb.as_str())
            && record.detail_text("subject") == Some(said.subject.as_str());
        if !is_shown {
            let other = "the revocation in it".to_owned();
            self.faults.push(differs(record, "subject", other));
        }
        let counts = |roster: &VerifiedRoster| signed.check_by(roster).is_ok();
        if people::in_force(rosters, said.time).any(counts) {
            return;
        }
        if rosters.iter().any(counts) {
            self.remarks.push(Remark::Powerless {
                signer: said.signer.to_string(),
                verb: said.verb.as_str(),
                subject: said.subject,
                time: said.time.to_string(),
            });
            return;
        }
        let refusal = rosters
            .iter()
            .rev()
            .find_map(|roster| signed.check_by(roster).err());
        if let Some(refusal) = refusal {
            self.faults.push(Fault::new(&record.part(), refusal));
        }
    }

    fn lack(&mut self, record: &Record, missing: &'static str) {
        self.lacks.push(Lack::Undecided {
            part: record.part().to_string(),
            action: record.action().to_owned(),
            missing,
        });
    }
}

fn compare(record: &Record, id: WindowId, window: &Window, faults: &mut Vec<Fault>) {
    let document = Part::Window { window: id }.to_string();
    if record
        .detail_text("window")
        .is_some_and(|text| text != window.frozen.text())
    {
        faults.push(differs(record, "window", document.clone()));
    }
    if record
        .detail_text("hash")
        .is_some_and(|hash| hash != window.frozen.hash().to_string())
    {
        faults.push(differs(record, "hash", document));
    }
}

fn differs(record: &Record, field: &'static str, other: String) -> Fault {
    Fault::new(&record.part(), Damage::Differs { field, other })
}
