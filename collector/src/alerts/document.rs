//! An alert as receivers get it; `docs/formats/alerts.md`. Whatever hosts and contractors wrote stands in it inert.

use daypass_protocol::alert::{Alert, EntryName, Place, What, Who};
use daypass_protocol::digest::Digest;
use daypass_protocol::inert::inert;

use super::rules::Rule;
use super::subject::Subject;
use crate::clock::Now;

/// Characters of a command or reason, at most: what is cut is in the journal.
const LONGEST: usize = 2000;

/// What `rule` makes of an entry.
pub(crate) fn alert(
    rule: &Rule,
    subject: &Subject<'_>,
    approved_by: Vec<String>,
    link: Option<&str>,
    now: Now,
) -> Alert {
    let source = subject.source();
    let text = |pointer: &str| source.text(pointer).map(shown);
    let entry = EntryName {
        origin: source.origin().unwrap_or_default().to_owned(),
        seq: source.seq().unwrap_or_default(),
    };
    let digest = Digest::of(format!("{}\n{}\n{}", rule.name, entry.origin, entry.seq)).to_string();
    let hex = digest.rsplit(':').next().unwrap_or_default();
    let mut alert = Alert {
        v: 1,
        id: format!("a-{}", &hex[..16.min(hex.len())]),
        rule: rule.name.clone(),
        title: shown(&rule.title),
        severity: rule.severity,
        count: 1,
        raised: now.time(),
        when: text("/time"),
        subject: rule.subject_of(subject),
        who: Who {
            person: text("/identity/person"),
            account: text("/identity/account"),
            key: text("/identity/key"),
            serial: text("/identity/serial"),
        },
        what: What {
            action: shown(source.action()),
            outcome: text("/outcome"),
            command: source.command().as_deref().map(shown),
            reason: text("/reason"),
        },
        place: Place {
            host: source.host().map(shown),
            service: text("/resource/service"),
            target: text("/resource/account"),
            address: text("/origin/address"),
            tty: text("/origin/tty"),
            session: text("/origin/session"),
        },
        window: text("/identity/window"),
        approved_by,
        entry,
        see: String::new(),
        link: None,
        text: String::new(),
    };
    alert.see = command(&alert);
    alert.link = link.map(|link| filled(&alert, link));
    alert.text = sentences(&alert);
    alert
}

/// The same, told once more because it came `count` times.
pub(crate) fn again(mut alert: Alert, count: u64) -> Alert {
    alert.count = count;
    alert.text = sentences(&alert);
    alert
}

/// The command that shows what was going on around it.
fn command(alert: &Alert) -> String {
    let mut words = vec!["daypass log --collector".to_owned()];
    let is_plain = |text: &&String| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte))
            && !text.starts_with('-')
    };
    for (option, value) in [
        ("--session", &alert.place.session),
        ("--window", &alert.window),
        ("--host", &alert.place.host),
    ] {
        if let Some(value) = value.as_ref().filter(is_plain) {
            words.push(format!("{option} {value}"));
            if option == "--session" {
                break;
            }
        }
    }
    if let Some(day) = alert
        .when
        .as_ref()
        .and_then(|when| when.get(..10))
        .filter(|day| is_plain(&&(*day).to_owned()))
    {
        words.push(format!("--since {day}"));
    }
    words.join(" ")
}

fn filled(alert: &Alert, link: &str) -> String {
    let encoded = |text: Option<&String>| -> String {
        form_urlencoded::byte_serialize(text.map(String::as_bytes).unwrap_or_default()).collect()
    };
    [
        ("{origin}", encoded(Some(&alert.entry.origin))),
        ("{seq}", alert.entry.seq.to_string()),
        ("{host}", encoded(alert.place.host.as_ref())),
        ("{window}", encoded(alert.window.as_ref())),
        ("{session}", encoded(alert.place.session.as_ref())),
        ("{id}", alert.id.clone()),
    ]
    .into_iter()
    .fold(link.to_owned(), |link, (name, value)| {
        link.replace(name, &value)
    })
}

fn sentences(alert: &Alert) -> String {
    let mut text = format!("{}.", alert.title.trim_end_matches('.'));
    let mut say = |label: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!(" {label}: {value}."));
        }
    };
    let who = match (&alert.who.person, &alert.who.account) {
        (Some(person), Some(account)) => Some(format!("{person} as {account}")),
        (person, account) => person.clone().or_else(|| account.clone()),
    };
    say("Who", who);
    say(
        "What",
        alert
            .what
            .command
            .clone()
            .or_else(|| Some(alert.what.action.clone())),
    );
    say(
        "Why",
        alert
            .what
            .reason
            .clone()
            .map(|reason| reason.trim_end_matches('.').to_owned()),
    );
    let place = match (&alert.place.host, &alert.place.address) {
        (Some(host), Some(address)) => Some(format!("{host}, from {address}")),
        (host, address) => host.clone().or_else(|| address.clone()),
    };
    say("Where", place);
    say("When", alert.when.clone());
    say("Window", alert.window.clone());
    say(
        "Approved by",
        (!alert.approved_by.is_empty()).then(|| alert.approved_by.join(", ")),
    );
    say("Times", (alert.count > 1).then(|| alert.count.to_string()));
    text
}

/// Inert, and not too long.
fn shown(text: &str) -> String {
    let inert = inert(text);
    match inert.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &inert[..end]),
        None => inert.into_owned(),
    }
}
