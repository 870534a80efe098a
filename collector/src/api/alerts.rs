//! `/v1/alerts…`: what was raised, what could not be delivered, what rules would have found. Who looked is journalled.

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::DateTime;
use daypass_protocol::alert::{
    Alerts, DeadLetters, Destination, Destinations, Retried, Retry, Test,
};
use daypass_protocol::event::{Action, Outcome};
use daypass_protocol::strict_json;

use super::call::{Call, Reply};
use super::readers;
use super::refusal::Refusal;
use crate::alerts::rules::{RuleSet, SITE_PATH, Severity};
use crate::alerts::{Span, replay};

/// Bytes of a question that brings rules of its own: as JSON they may need twice the room.
pub(super) const TEST_LIMIT: usize = 512 * 1024;
/// Bytes of a list of letters.
pub(super) const RETRY_LIMIT: usize = 64 * 1024;
/// Alerts in one answer, at most and when nothing is said.
const LIMIT: usize = 500;
const DEFAULT_LIMIT: usize = 100;
/// The past is played again for so long; the answer says how far it came.
const REPLAY: Duration = Duration::from_secs(20);

/// `GET /v1/alerts`: newest first.
pub(super) fn list(call: &Call) -> Result<Reply, Refusal> {
    let page = Page::parse(&call.query)?;
    journal(call, "alerts?", &call.query)?;
    let store = call.collector.alerts().store();
    let alerts = store.list(page.severity, page.before, page.limit)?;
    let next = (alerts.len() == page.limit)
        .then(|| alerts.last().map(|one| one.number))
        .flatten();
    Reply::json(&Alerts { alerts, next })
}

/// `GET /v1/alerts/dead`: letters that were given up, newest first.
pub(super) fn dead(call: &Call) -> Result<Reply, Refusal> {
    let page = Page::parse(&call.query)?;
    journal(call, "dead?", &call.query)?;
    let letters = call
        .collector
        .alerts()
        .store()
        .dead(page.before, page.limit)?;
    let next = (letters.len() == page.limit)
        .then(|| letters.last().map(|one| one.letter))
        .flatten();
    Reply::json(&DeadLetters { letters, next })
}

/// `POST /v1/alerts/dead/retry`: they are tried again, as if they were new.
pub(super) fn retry(call: &Call) -> Result<Reply, Refusal> {
    let Retry { letters } = body(call)?;
    let alerts = call.collector.alerts();
    let event = call
        .event(Action::AlertRetried)
        .outcome(Outcome::Done)
        .detail("letters", letters.clone());
    // Journalled first: nothing leaves again that nobody answers for.
    call.collector.record(&event)?;
    let retried = alerts.store().revive(&letters, call.now.micros())?;
    alerts.letters().came();
    Reply::json(&Retried {
        retried: retried as u64,
    })
}

/// `GET /v1/alerts/destinations`: where alerts go, and how that stands.
pub(super) fn destinations(call: &Call) -> Result<Reply, Refusal> {
    if !call.query.is_empty() {
        return Err(unknown("this route takes no query"));
    }
    let alerts = call.collector.alerts();
    let mut destinations = Vec::new();
    for one in alerts.destinations() {
        let standing = alerts.store().standing(&one.name)?;
        destinations.push(Destination {
            name: one.name.clone(),
            kind: one.kind.to_owned(),
            severity: one.severity,
            waiting: standing.waiting,
            dead: standing.dead,
            delivered: standing.delivered,
            error: standing.error,
        });
    }
    Reply::json(&Destinations { destinations })
}

/// `POST /v1/alerts/test`: what rules would have found in the past.
pub(super) fn test(call: &Call) -> Result<Reply, Refusal> {
    let Test {
        since,
        until,
        rules,
    } = body(call)?;
    let span = Span {
        since: instant(&since)?,
        until: until.as_deref().map(instant).transpose()?,
    };
    let until = until
        .map(|until| format!("&until={until}"))
        .unwrap_or_default();
    let _turn = call.collector.alerts().turn().ok_or_else(|| {
        Refusal::unavailable(
            "rules-busy",
            "rules are being tried on the past for somebody else; try again in half a minute",
        )
    })?;
    journal(call, "test?", &format!("since={since}{until}"))?;
    let own = rules.map(|text| given(&text)).transpose()?;
    let rules = own
        .as_ref()
        .unwrap_or_else(|| call.collector.alerts().rules());
    let replay = replay(&call.collector, rules, span, Instant::now() + REPLAY);
    Reply::json(&replay?)
}

fn given(text: &str) -> Result<RuleSet, Refusal> {
    let defaults = RuleSet::defaults().map_err(|error| Refusal::failure(&error))?;
    let rules = defaults.with(text, Path::new(SITE_PATH));
    rules.map_err(|error| {
        Refusal::unacceptable("rules-refused", crate::diagnostic::sentence(&error))
    })
}

/// A part of a list.
struct Page {
    severity: Severity,
    before: Option<u64>,
    limit: usize,
}

impl Page {
    fn parse(query: &str) -> Result<Self, Refusal> {
        let mut page = Self {
            severity: Severity::Info,
            before: None,
            limit: DEFAULT_LIMIT,
        };
        let mut seen = Vec::new();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            if seen.contains(&key) {
                return Err(unknown("a key stands in the query twice"));
            }
            match &*key {
                "severity" => page.severity = severity(&value)?,
                "before" => {
                    let before = value.parse();
                    let before = before.map_err(|_| unknown("before must be a number"))?;
                    page.before = Some(before);
                }
                "limit" => {
                    let limit = value
                        .parse()
                        .ok()
                        .filter(|limit| (1..=LIMIT).contains(limit));
                    page.limit =
                        limit.ok_or_else(|| unknown("limit must be a number from 1 to 500"))?;
                }
                _ => return Err(unknown("known keys are severity, before and limit")),
            }
            seen.push(key);
        }
        Ok(page)
    }
}

fn severity(text: &str) -> Result<Severity, Refusal> {
    Severity::ALL
        .into_iter()
        .find(|severity| severity.as_str() == text)
        .ok_or_else(|| unknown("severity must be info, low, medium, high or critical"))
}

fn instant(text: &str) -> Result<i64, Refusal> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.timestamp_micros())
        .map_err(|_| {
            Refusal::malformed(
                "malformed-body",
                "since and until must be times like 2026-11-23T10:00:00Z",
            )
        })
}

fn unknown(message: &'static str) -> Refusal {
    Refusal::malformed("unknown-query", message)
}

fn body<T: serde::de::DeserializeOwned>(call: &Call) -> Result<T, Refusal> {
    strict_json::parse(&call.body, call.body.len()).map_err(|error| {
        Refusal::malformed(
            "malformed-body",
            format!("the body cannot be read: {error}"),
        )
    })
}

fn journal(call: &Call, what: &str, query: &str) -> Result<(), Refusal> {
    readers::journal_as(call, Action::AlertRead, what, query)
}
