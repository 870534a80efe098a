//! Windows and what people said about them: in a bundle, and taken out of entries.

use std::collections::BTreeMap;

use daypass_protocol::roster::{Role, VerifiedRoster};
use daypass_protocol::statement::{SignedStatement, Statement, Verb, VerifiedStatement};
use daypass_protocol::window::{FrozenWindow, WindowId};

use super::bundle::Bundle;
use super::fault::{Damage, Fault};
use super::judge::Remark;
use super::part::Part;
use super::people;

/// A window and everything that was said about it, gathered from entries and certificates.
#[derive(Debug, Clone, Default)]
pub(super) struct Gathered {
    pub(super) document: Option<String>,
    pub(super) statements: Vec<SignedStatement>,
}

impl Gathered {
    /// Adds a statement, if it is not there yet.
    pub(super) fn say(&mut self, statement: SignedStatement) {
        if !self.statements.contains(&statement) {
            self.statements.push(statement);
        }
    }

    /// Puts it into a bundle; without the document there is nothing to put.
    pub(super) fn put(&self, bundle: &mut Bundle, window: WindowId) {
        let Some(document) = &self.document else {
            return;
        };
        bundle.put(Part::Window { window }, document.as_bytes());
        let said = self
            .statements
            .iter()
            .filter_map(|signed| Some((signed, signed.read_unverified().ok()?.verb)));
        for (number, (signed, verb)) in (1_u32..).zip(said) {
            bundle.put(
                Part::Statement {
                    window,
                    number,
                    verb,
                },
                signed.statement.as_bytes(),
            );
            bundle.put(
                Part::StatementSignature {
                    window,
                    number,
                    verb,
                },
                signed.signature.to_string(),
            );
        }
    }
}

/// A window of a bundle, and the statements that its signers made.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) frozen: FrozenWindow,
    pub(super) said: Vec<Said>,
}

/// A statement whose signature holds.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) signed: SignedStatement,
    pub(super) verified: VerifiedStatement,
    /// Whether it was its signer's to say when it was said.
    pub(super) power: Power,
}

/// Whether somebody may say something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Power {
    Had,
    Lacked,
}

/// Whoever leaves, or loses the role, leaves what they had said before in force, and can add nothing to it. So a
/// statement is judged by the roster that was in force when it was made.
fn power(
    signed: &SignedStatement,
    verified: &VerifiedStatement,
    window: &FrozenWindow,
    rosters: &[VerifiedRoster],
) -> Power {
    let statement = verified.statement();
    let may = |roster: &VerifiedRoster| {
        let Some(person) = roster.person(&statement.signer) else {
            return false;
        };
        let decides = person.is(Role::Approver) || person.is(Role::Admin);
        let may = match statement.verb {
            Verb::Request => true,
            Verb::End => decides || statement.signer == window.document().contractor,
            Verb::Approve | Verb::Grant | Verb::Deny | Verb::Revoke => decides,
        };
        may && signed.check(roster).is_ok()
    };
    match people::in_force(rosters, statement.time).any(may) {
        true => Power::Had,
        false => Power::Lacked,
    }
}

/// What was said by people to whom it did not fall.
pub(super) fn powerless(windows: &BTreeMap<WindowId, Window>) -> Vec<Remark> {
    let said = windows
        .iter()
        .flat_map(|(id, window)| window.said.iter().map(move |said| (*id, said)));
    said.filter(|(_, said)| said.power == Power::Lacked)
        .map(|(window, said)| {
            let statement = said.verified.statement();
            Remark::Powerless {
                signer: statement.signer.to_string(),
                verb: statement.verb.as_str(),
                subject: format!("window {window}"),
                time: statement.time.to_string(),
            }
        })
        .collect()
}

/// All windows of a bundle.
pub(super) fn check(
    bundle: &Bundle,
    rosters: &[VerifiedRoster],
    faults: &mut Vec<Fault>,
) -> BTreeMap<WindowId, Window> {
    let mut windows: BTreeMap<WindowId, Window> = BTreeMap::new();
    for (part, bytes) in bundle.parts() {
        if let Part::Window { window } = part {
            match frozen(part, bytes, *window) {
                Ok(frozen) => {
                    let said = Vec::new();
                    windows.insert(*window, Window { frozen, said });
                }
                Err(fault) => faults.push(fault),
            }
        }
    }
    for (part, bytes) in bundle.parts() {
        let (window, signature) = match *part {
            Part::Statement {
                window,
                number,
                verb,
            } => (
                window,
                Part::StatementSignature {
                    window,
                    number,
                    verb,
                },
            ),
            Part::StatementSignature {
                window,
                number,
                verb,
            } => {
                if bundle
                    .bytes(&Part::Statement {
                        window,
                        number,
                        verb,
                    })
                    .is_none()
                {
                    faults.push(Fault::new(part, Damage::Unused));
                }
                continue;
            }
            _ => continue,
        };
        let Some(about) = windows.get_mut(&window) else {
            // Either the window is damaged, which is told, or there is none.
            if bundle.bytes(&Part::Window { window }).is_none() {
                faults.push(Fault::new(part, Damage::Unused));
            }
            continue;
        };
        match statement(bundle, *part, bytes, signature, &about.frozen, rosters) {
            Ok(said) => about.said.push(said),
            Err(fault) => faults.push(fault),
        }
    }
    windows
}

fn frozen(part: &Part, bytes: &[u8], id: WindowId) -> Result<FrozenWindow, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::new(part, Damage::NotText))?;
    let frozen = FrozenWindow::parse(text).map_err(|error| Fault::new(part, error))?;
    if frozen.document().id == id {
        Ok(frozen)
    } else {
        Err(Fault::new(part, Damage::OtherWindow))
    }
}

fn statement(
    bundle: &Bundle,
    part: Part,
    bytes: &[u8],
    signature: Part,
    window: &FrozenWindow,
    rosters: &[VerifiedRoster],
) -> Result<Said, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::new(&part, Damage::NotText))?;
    let Some(armor) = bundle.bytes(&signature) else {
        return Err(Fault::of_bundle(Damage::Missing {
            part: signature.to_string(),
        }));
    };
    let armor = std::str::from_utf8(armor).map_err(|_| Fault::new(&signature, Damage::NotText))?;
    let parsed = armor
        .parse()
        .map_err(|error: daypass_protocol::sshsig::Error| Fault::new(&signature, error))?;
    let signed = SignedStatement {
        statement: text.to_owned(),
        signature: parsed,
    };
    let said: Statement = signed
        .read_unverified()
        .map_err(|error| Fault::new(&part, daypass_protocol::statement::Error::from(error)))?;
    let Part::Statement { verb, .. } = part else {
        return Err(Fault::new(&part, Damage::OtherVerb));
    };
    if said.verb != verb {
        return Err(Fault::new(&part, Damage::OtherVerb));
    }
    if said.window != window.hash() {
        return Err(Fault::new(&part, Damage::OtherWindow));
    }
    // The newest roster that knows the key: people leave, and what they said remains said.
    let mut refusal = None;
    for roster in rosters.iter().rev() {
        match signed.check(roster) {
            Ok(verified) => {
                let power = power(&signed, &verified, window, rosters);
                return Ok(Said {
                    signed,
                    verified,
                    power,
                });
            }
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    match refusal {
        Some(error) => Err(Fault::new(&part, error)),
        None => Err(Fault::new(&part, Damage::Unused)),
    }
}
