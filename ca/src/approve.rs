//! Where a window stands, and whether one more statement may be taken. Pure: facts in, verdict out.

use std::collections::BTreeMap;

use daypass_protocol::api::WindowState;
use daypass_protocol::digest::Digest;
use daypass_protocol::key::Fingerprint;
use daypass_protocol::name::Name;
use daypass_protocol::place::Place;
use daypass_protocol::roster::policy::{Demand, demands};
use daypass_protocol::roster::{ApprovalKeys, Role, Roster, VerifiedRoster};
use daypass_protocol::statement::{Untimely, Verb, VerifiedStatement};
use daypass_protocol::time::Time;
use daypass_protocol::window::{FrozenWindow, Window};

/// A statement that was taken, as far as its weight goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What.
    pub verb: Verb,
    /// By whom.
    pub signer: Name,
    /// With which key.
    pub key: Fingerprint,
    /// What that key says of its user.
    pub signed_with: ApprovalKeys,
    /// Until when it counts, exclusive.
    pub expires: Time,
}

/// By what a statement counts: the roster and the time. History is told without.
#[derive(Clone, Copy)]
struct Today<'a> {
    roster: &'a Roster,
    now: Time,
}

/// Why a statement was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementRefusal {
    /// About other bytes than the window's.
    #[error("the statement is about the document {found}, this window's is {expected}")]
    OtherDocument {
        /// The window's hash.
        expected: Digest,
        /// The statement's.
        found: Digest,
    },
    /// Sent by somebody other than its signer.
    #[error("the statement is {signer}'s, and {sender} sent it; everybody sends their own")]
    NotTheSenders {
        /// Who signed.
        signer: Name,
        /// Who sent.
        sender: Name,
    },
    /// Not now.
    #[error("the statement does not count now: {0}")]
    Untimely(#[from] Untimely),
    /// A word that only begins a window.
    #[error("\"{0}\" begins a window; this one has begun already")]
    Beginning(Verb),
    /// A word that cannot begin a window.
    #[error("a window begins with \"request\" or \"grant\", not with \"{0}\"")]
    NoBeginning(Verb),
    /// The signer lacks the role.
    #[error("{signer} may not {verb}: that takes the role {needed}")]
    Role {
        /// Who.
        signer: Name,
        /// What they wanted.
        verb: Verb,
        /// What it takes.
        needed: Role,
    },
    /// The signer would benefit.
    #[error("{signer} may not {verb} a window of their own")]
    OwnWindow {
        /// Who.
        signer: Name,
        /// What they wanted.
        verb: Verb,
    },
    /// The signer asked for it.
    #[error("{signer} asked for this window and may not {verb} it too; another approver has to")]
    OwnRequest {
        /// Who.
        signer: Name,
        /// What they wanted.
        verb: Verb,
    },
    /// Signed with a key that the policy does not take for this.
    #[error(
        "{signer}'s signature was made with a key that does not do here: the policy asks for {needed}"
    )]
    WeakKey {
        /// Who.
        signer: Name,
        /// What the policy asks for.
        needed: &'static str,
    },
    /// Said before.
    #[error("{signer} has said \"{verb}\" about this window already")]
    Twice {
        /// Who.
        signer: Name,
        /// What.
        verb: Verb,
    },
    /// The window has moved on.
    #[error("the window is {standing}; too late to {verb} it")]
    TooLate {
        /// Where it stands.
        standing: WindowState,
        /// What was wanted.
        verb: Verb,
    },
    /// Neither the contractor nor somebody who watches over windows.
    #[error(
        "{signer} may not {verb} this window: that is for its contractor, an approver or an admin"
    )]
    NotConcerned {
        /// Who.
        signer: Name,
        /// What they wanted.
        verb: Verb,
    },
}

/// Where a window on these hosts stands, by what was said and by the newest roster; what ends a window outlives its
/// signer.
pub fn state(
    window: &Window,
    places: &[Place],
    said: &[Said],
    roster: &Roster,
    now: Time,
) -> WindowState {
    let heard = |verb| said.iter().any(|said| said.verb == verb);
    let today = Today { roster, now };
    if heard(Verb::Revoke) {
        WindowState::Revoked
    } else if heard(Verb::End) {
        WindowState::Ended
    } else if heard(Verb::Deny) {
        WindowState::Denied
    } else if now >= window.ends {
        // History: who has left since does not change what was.
        if begun(window, said, None) && was_approved(window, places, said, roster) {
            WindowState::Closed
        } else {
            WindowState::Lapsed
        }
    } else if !begun(window, said, Some(today)) || !is_approved(window, places, said, today) {
        WindowState::Requested
    } else if now < window.starts {
        WindowState::Approved
    } else {
        WindowState::Open
    }
}

/// Whether nothing more can be said about a window that stands here.
pub fn is_final(state: WindowState) -> bool {
    !matches!(
        state,
        WindowState::Requested | WindowState::Approved | WindowState::Open
    )
}

impl StatementRefusal {
    /// For programs, and for the journal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OtherDocument { .. } => "statement-other-window",
            Self::NotTheSenders { .. } => "foreign-statement",
            Self::Untimely(Untimely::Early { .. }) => "statement-not-yet",
            Self::Untimely(Untimely::Expired { .. }) => "statement-expired",
            Self::Beginning(_) | Self::NoBeginning(_) => "wrong-verb",
            Self::Role {
                needed: Role::Contractor,
                ..
            } => "not-a-contractor",
            Self::Role { .. } => "not-an-approver",
            Self::OwnWindow { .. } => "own-window",
            Self::OwnRequest { .. } => "own-request",
            Self::WeakKey { .. } => "key-too-weak",
            Self::Twice { .. } => "said-twice",
            Self::TooLate { .. } => "too-late",
            Self::NotConcerned { .. } => "not-concerned",
        }
    }
}

/// Whether `statement` may begin `window`: a request by its contractor or an approver, or a grant.
///
/// # Errors
/// When it may not.
pub fn begin(
    window: &FrozenWindow,
    places: &[Place],
    statement: &VerifiedStatement,
    sender: &Name,
    roster: &VerifiedRoster,
    now: Time,
) -> Result<(), StatementRefusal> {
    concerns(window, statement, sender, now)?;
    let (verb, signer) = (statement.verb(), statement.signer());
    let own = *signer == window.document().contractor;
    match verb {
        Verb::Request if own => require(roster, signer, verb, Role::Contractor),
        Verb::Request => require(roster, signer, verb, Role::Approver),
        Verb::Grant if own => Err(StatementRefusal::OwnWindow {
            signer: signer.clone(),
            verb,
        }),
        Verb::Grant => {
            require(roster, signer, verb, Role::Approver)?;
            check_key(window.document(), places, statement, roster)
        }
        _ => Err(StatementRefusal::NoBeginning(verb)),
    }
}

/// Whether `statement` may be added to what was `said` about `window`.
///
/// # Errors
/// When it may not.
pub fn add(
    window: &FrozenWindow,
    places: &[Place],
    said: &[Said],
    statement: &VerifiedStatement,
    sender: &Name,
    roster: &VerifiedRoster,
    now: Time,
) -> Result<(), StatementRefusal> {
    concerns(window, statement, sender, now)?;
    let (verb, signer) = (statement.verb(), statement.signer());
    let document = window.document();
    let own = *signer == document.contractor;
    match verb {
        Verb::Request | Verb::Grant => return Err(StatementRefusal::Beginning(verb)),
        Verb::Approve | Verb::Deny => {
            require(roster, signer, verb, Role::Approver)?;
            if own {
                return Err(StatementRefusal::OwnWindow {
                    signer: signer.clone(),
                    verb,
                });
            }
            if verb == Verb::Approve {
                let asked = |said: &Said| is_beginning(said.verb) && said.signer == *signer;
                if said.iter().any(asked) {
                    return Err(StatementRefusal::OwnRequest {
                        signer: signer.clone(),
                        verb,
                    });
                }
                check_key(document, places, statement, roster)?;
            }
        }
        Verb::End if own => (),
        Verb::End | Verb::Revoke => {
            let person = roster.person(signer);
            if !person.is_some_and(|person| person.is(Role::Approver) || person.is(Role::Admin)) {
                return Err(StatementRefusal::NotConcerned {
                    signer: signer.clone(),
                    verb,
                });
            }
        }
    }
    if said
        .iter()
        .any(|said| said.verb == verb && said.signer == *signer)
    {
        return Err(StatementRefusal::Twice {
            signer: signer.clone(),
            verb,
        });
    }
    let standing = state(document, places, said, roster, now);
    let late = match verb {
        Verb::Approve | Verb::Deny => standing != WindowState::Requested,
        // Ended by its contractor, it can still be revoked: hosts then treat it as such.
        Verb::Revoke => is_final(standing) && standing != WindowState::Ended,
        _ => is_final(standing),
    };
    if late {
        Err(StatementRefusal::TooLate { standing, verb })
    } else {
        Ok(())
    }
}

fn concerns(
    window: &FrozenWindow,
    statement: &VerifiedStatement,
    sender: &Name,
    now: Time,
) -> Result<(), StatementRefusal> {
    let said = statement.statement();
    if said.window != window.hash() {
        return Err(StatementRefusal::OtherDocument {
            expected: window.hash(),
            found: said.window,
        });
    }
    if said.signer != *sender {
        return Err(StatementRefusal::NotTheSenders {
            signer: said.signer.clone(),
            sender: sender.clone(),
        });
    }
    Ok(said.is_timely(now)?)
}

fn require(
    roster: &Roster,
    signer: &Name,
    verb: Verb,
    needed: Role,
) -> Result<(), StatementRefusal> {
    if roster
        .person(signer)
        .is_some_and(|person| person.is(needed))
    {
        Ok(())
    } else {
        Err(StatementRefusal::Role {
            signer: signer.clone(),
            verb,
            needed,
        })
    }
}

/// The statements that still count towards an approval: what a certificate carries, since hosts refuse any other.
pub fn counting(window: &Window, said: &[Said], roster: &Roster, now: Time) -> Vec<usize> {
    let today = Some(Today { roster, now });
    let counts = |said: &&Said| match said.verb {
        Verb::Request => asks(window, said, today),
        Verb::Grant | Verb::Approve => approves(window, said, today),
        Verb::Deny | Verb::End | Verb::Revoke => false,
    };
    (0..said.len())
        .filter(|&at| said.get(at).as_ref().is_some_and(counts))
        .collect()
}

fn is_beginning(verb: Verb) -> bool {
    matches!(verb, Verb::Request | Verb::Grant)
}

/// Whether somebody who may has asked. Without today, what was taken then counts still.
fn begun(window: &Window, said: &[Said], today: Option<Today<'_>>) -> bool {
    said.iter().any(|said| asks(window, said, today))
}

/// Whether the approvals that count today are enough.
fn is_approved(window: &Window, places: &[Place], said: &[Said], today: Today<'_>) -> bool {
    let roster = today.roster;
    let approvers: BTreeMap<&Name, ApprovalKeys> = said
        .iter()
        .filter(|said| approves(window, said, Some(today)))
        .map(|said| (&said.signer, said.signed_with))
        .collect();
    roster
        .policy
        .is_approved_by(window, places, &approvers, roster)
        .is_ok()
}

/// Whether the approvals were enough when the window was there, whoever has left since.
fn was_approved(window: &Window, places: &[Place], said: &[Said], roster: &Roster) -> bool {
    let policy = &roster.policy;
    let approvals = said
        .iter()
        .filter(|said| approves(window, said, None))
        .count();
    policy.standing_for(window, places).is_some()
        || approvals >= policy.enough_approvals(window, places)
}

/// Refuses an approval that would not count for the key that signed it.
fn check_key(
    window: &Window,
    places: &[Place],
    statement: &VerifiedStatement,
    roster: &Roster,
) -> Result<(), StatementRefusal> {
    let asked = demands(&roster.policy, window, places).into_iter();
    let needed = asked.filter_map(|(_, demand)| match demand {
        Demand::Keys(keys) => Some(keys),
        _ => None,
    });
    match needed.max() {
        Some(needed) if statement.signed_with() < needed => Err(StatementRefusal::WeakKey {
            signer: statement.signer().clone(),
            needed: match needed {
                ApprovalKeys::Any => "any key",
                ApprovalKeys::Touched => "a security key",
                ApprovalKeys::Verified => {
                    "a security key that verifies its user (ssh-keygen -O verify-required)"
                }
            },
        }),
        _ => Ok(()),
    }
}

fn asks(window: &Window, said: &Said, today: Option<Today<'_>>) -> bool {
    match said.verb {
        Verb::Request if said.signer == window.contractor => still(today, said, Role::Contractor),
        Verb::Request | Verb::Grant => still(today, said, Role::Approver),
        _ => false,
    }
}

fn approves(window: &Window, said: &Said, today: Option<Today<'_>>) -> bool {
    matches!(said.verb, Verb::Approve | Verb::Grant)
        && said.signer != window.contractor
        && still(today, said, Role::Approver)
}

/// Whether the signer still has the role and the key, and meant what they said for as long as this.
fn still(today: Option<Today<'_>>, said: &Said, role: Role) -> bool {
    today.is_none_or(|Today { roster, now }| {
        let person = roster.person(&said.signer).filter(|person| person.is(role));
        let has_key =
            person.is_some_and(|it| it.keys.iter().any(|key| key.fingerprint() == said.key));
        now < said.expires && has_key
    })
}

#[cfg(test)]
mod tests;
