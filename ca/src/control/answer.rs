//! What each question does.

use std::collections::BTreeSet;

use daypass_journal::erasure;
use daypass_protocol::api::TokenWish;
use daypass_protocol::collector::Request;
use daypass_protocol::event::{Action, Event, Identity, Origin, Outcome};
use daypass_protocol::roster::{Role, Roster};
use daypass_protocol::time::Time;
use nix::unistd::{Uid, User};
use serde::Serialize;

use super::{
    Answer, CollectorView, Erased, Erasure, ForwardingView, LONGEST_REASON, Problem, Question,
    RenewedLogKey, Service, Status,
};
use crate::authority::{Authority, CollectorError, TokenError};
use crate::collectors::CollectorRefusal;
use crate::forwarding;
use crate::ledger::LedgerError;
use crate::store::AdmittedCollector;

/// How an entry says that somebody asked by the control socket.
const VIA: &str = "control";

/// Does what is asked, in the name of the Unix user `uid`.
pub(super) fn answer(service: &Service, question: Question, uid: u32) -> Answer {
    let authority = &service.authority;
    let by = identity(uid);
    let answer = match question {
        Question::Status(_) => status(service).and_then(done),
        Question::CollectorAdd(text) => add(service, &text, by),
        Question::CollectorRemove(url) => authority
            .remove_collector(&url, by)
            .map_err(Problem::from)
            .and_then(|()| follow(service))
            .and_then(|()| done(super::Nothing {})),
        Question::HostToken(wish) => token(authority, wish, by),
        Question::RenewLogKey(_) => renew_log_key(authority, &by),
        Question::Erase(wish) => erase(authority, &wish, &by),
    };
    answer.unwrap_or_else(Answer::Refused)
}

fn identity(uid: u32) -> Identity {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    Identity {
        account: user.map(|user| user.name),
        uid: Some(uid),
        ..Identity::default()
    }
}

fn add(service: &Service, text: &str, by: Identity) -> Result<Answer, Problem> {
    let request = Request::parse(text)
        .map_err(|error| CollectorError::from(CollectorRefusal::Malformed(error.to_string())))?;
    let admission = service.authority.admit_collector(&request, by)?;
    follow(service)?;
    done(admission)
}

/// The CA's own journal goes where the new state says.
fn follow(service: &Service) -> Result<(), Problem> {
    let followed = service.forwarding.follow(&service.authority);
    followed.map_err(|error| Problem::failure(&error))
}

fn token(authority: &Authority, wish: TokenWish, by: Identity) -> Result<Answer, Problem> {
    let maker = by.account.clone().unwrap_or_else(|| VIA.to_owned());
    let event = Event::new(Action::HostToken)
        .outcome(Outcome::Done)
        .by(by)
        .from(Origin {
            via: Some(VIA.to_owned()),
            ..Origin::default()
        });
    done(authority.make_token(wish, &maker, event)?.to_string())
}

fn renew_log_key(authority: &Authority, by: &Identity) -> Result<Answer, Problem> {
    let by = by.account.clone().unwrap_or_else(|| VIA.to_owned());
    match authority.ledger().rotate_log_key(&by) {
        Ok(rotated) => done(RenewedLogKey {
            entry: rotated.receipt.seq,
            key: rotated.key,
        }),
        Err(LedgerError::Journal(error @ daypass_journal::Error::LogKeys { .. })) => {
            Err(Problem::new("no-more-log-keys", error.to_string()))
        }
        Err(error) => Err(Problem::failure(&error)),
    }
}

fn erase(authority: &Authority, wish: &Erasure, by: &Identity) -> Result<Answer, Problem> {
    if wish.reason.trim().is_empty() || wish.reason.len() > LONGEST_REASON {
        let message = format!("a reason has 1 to {LONGEST_REASON} bytes");
        return Err(Problem::new("reason-malformed", message));
    }
    if wish.person.is_some() && !wish.entries.is_empty() {
        let message = "either a person or entries by their numbers, not both";
        return Err(Problem::new("two-ways-to-erase", message));
    }
    let ledger = authority.ledger();
    let entries = match &wish.person {
        Some(person) => erasure::of_person(ledger.directory(), person)
            .map_err(|error| Problem::failure(&error))?,
        None => wish.entries.iter().copied().collect(),
    };
    if entries.is_empty() {
        let message = "no entry of the CA's journal is meant by this; nothing was erased";
        return Err(Problem::new("nothing-to-erase", message));
    }
    let mut erased = Erased {
        entries: entries.len(),
        said_by: Vec::new(),
    };
    if wish.confirmed {
        records_are_kept(authority, &entries)?;
        let by = by.account.clone().unwrap_or_else(|| VIA.to_owned());
        erased.said_by = match ledger.erase(&entries, &by, &wish.reason) {
            Ok(said_by) => said_by,
            Err(LedgerError::Journal(error @ daypass_journal::Error::Erase { .. })) => {
                return Err(Problem::new("not-erasable", error.to_string()));
            }
            Err(error) => return Err(Problem::failure(&error)),
        };
    }
    done(erased)
}

/// An entry that is erased is no record any more, so the database has to have what it tells of certificates.
fn records_are_kept(authority: &Authority, entries: &BTreeSet<u64>) -> Result<(), Problem> {
    let mark = authority
        .mark_records()
        .map_err(|error| Problem::failure(&error))?;
    let there = mark..authority.ledger().sealed();
    match entries.range(there).next() {
        None => Ok(()),
        Some(entry) => Err(Problem::new(
            "records-behind",
            format!(
                "entry {entry} cannot be erased yet: the database may lack certificates that entries from {mark} on tell of; nothing was erased, try again in a minute"
            ),
        )),
    }
}

fn status(service: &Service) -> Result<Status, Problem> {
    let authority = &service.authority;
    let forwarding = service.forwarding.status();
    let roll = authority.roll();
    let collectors = authority.collectors().map_err(CollectorError::from)?;
    let first = roll.signed().first().map(|signed| signed.roster.as_str());
    Ok(Status {
        ca: authority.pin().to_string(),
        setup: authority.setup_line().to_string(),
        active: roll.newest().is_some(),
        roster: roll.number(),
        admins: match roll.newest() {
            Some(_) => Vec::new(),
            None => first.map(admins).unwrap_or_default(),
        },
        collectors: collectors.into_iter().map(view).collect(),
        forwarding: ForwardingView {
            standing: forwarding::in_words(&forwarding),
            sealed: forwarding.sealed,
            cosigned: forwarding.cosigned,
        },
    })
}

fn admins(roster: &str) -> Vec<String> {
    let people = Roster::parse(roster).map(|roster| roster.people);
    let admins = people
        .into_iter()
        .flatten()
        .filter(|person| person.is(Role::Admin));
    admins.map(|person| person.name.to_string()).collect()
}

fn view(collector: AdmittedCollector) -> CollectorView {
    CollectorView {
        url: collector.url,
        witness: collector.witness,
        heir: collector.heir,
        names: collector.names,
        added: Time::from_unix(collector.added).to_string(),
        expires: Time::from_unix(collector.expires).to_string(),
    }
}

fn done(value: impl Serialize) -> Result<Answer, Problem> {
    serde_json::to_value(value)
        .map(Answer::Done)
        .map_err(|error| Problem::failure(&error))
}

impl Problem {
    /// Something here failed: the log has the whole chain of causes.
    fn failure(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "a command could not be carried out");
        Self {
            code: "ca-failure".to_owned(),
            message: "something failed in the service; its log says what: journalctl -u daypass-ca"
                .to_owned(),
        }
    }

    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
        }
    }
}

impl From<CollectorError> for Problem {
    fn from(error: CollectorError) -> Self {
        match error {
            CollectorError::Refused(refusal) => Self::new(refusal.code(), refusal.to_string()),
            error => Self::failure(&error),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Refused(refusal) => Self::new(refusal.code(), refusal.to_string()),
            TokenError::Name(refusal) => Self::new(refusal.code(), refusal.to_string()),
            error => Self::failure(&error),
        }
    }
}
