//! One session: the certificate that opened it, the window in that, who asked and who approved, and whether it all fits.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use daypass_protocol::certificate::{self, Profile};
use daypass_protocol::grant::{self, Admission, ApprovedWindow, Turned};
use daypass_protocol::key::Key;
use daypass_protocol::name::{Account, HostName};
use daypass_protocol::place::Place;
use daypass_protocol::roster::VerifiedRoster;
use daypass_protocol::statement::Verb;
use daypass_protocol::sudo_item::SudoItem;
use daypass_protocol::time::Time;
use daypass_protocol::window::WindowId;
use ssh_key::Certificate;

use super::bundle::Bundle;
use super::fault::{Damage, Fault};
use super::judge::{Lack, Remark};
use super::part::Part;
use super::records::Record;
use super::stay::Stay;
use super::windows::{Power, Window};

/// The gate decided a moment before its entry was written.
const MOMENT: u64 = 10;

/// What visits are judged by.
pub(super) struct Context<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) rosters: &'a [VerifiedRoster],
    pub(super) windows: &'a BTreeMap<WindowId, Window>,
    pub(super) authorities: &'a [Key],
}

/// A session that was opened by a certificate.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) session: String,
    pub(super) journal: u32,
    pub(super) opened: u64,
    pub(super) serial: u64,
    pub(super) window: WindowId,
    /// `None` when the roster by which that was judged is not in the bundle.
    pub(super) approved: Option<Box<ApprovedWindow>>,
}

/// What was found about it.
#[derive(Default)]
pub(super) struct Found {
    pub(super) visit: Option<Visit>,
    pub(super) lacks: Vec<Lack>,
    pub(super) remarks: Vec<Remark>,
}

/// The line of a `-cert.pub` file for the certificate in an entry that opened a session.
pub(super) fn certificate_line(record: &Record) -> Option<String> {
    let text = record.detail_text("certificate")?;
    let certificate = Certificate::from_bytes(&STANDARD.decode(text).ok()?).ok()?;
    Some(format!(
        "{} {text}\n",
        certificate.algorithm().to_certificate_type()
    ))
}

/// Judges the session that this entry opened.
pub(super) fn check(
    record: &Record,
    records: &[Record],
    context: &Context<'_>,
    faults: &mut Vec<Fault>,
) -> Found {
    let mut found = Found::default();
    let session = record.entry.text("/origin/session").to_owned();
    if record.detail_text("certificate").is_none() {
        found.lacks.push(Lack::NoCertificate { session });
        return found;
    }
    match opened(record, &session, context, &mut found) {
        Ok((profile, approved)) => {
            if let Some(approved) = &approved {
                let stay = Stay {
                    opening: record,
                    records,
                    session: &session,
                    context,
                };
                stay.check(approved, &mut found, faults);
            }
            issued(&profile, record, records, &mut found, faults);
            found.visit = Some(Visit {
                session,
                journal: record.journal,
                opened: record.seq,
                serial: profile.serial(),
                window: profile.window().document().id,
                approved: approved.map(Box::new),
            });
        }
        Err(fault) => faults.push(fault),
    }
    found
}

pub(super) fn opened(
    record: &Record,
    session: &str,
    context: &Context<'_>,
    found: &mut Found,
) -> Result<(Profile, Option<ApprovedWindow>), Fault> {
    let differs = |field, other: &dyn ToString| {
        let other = other.to_string();
        Fault::new(&record.part(), Damage::Differs { field, other })
    };
    let serial: u64 = record
        .entry
        .text("/identity/serial")
        .parse()
        .map_err(|_| differs("serial", &"a certificate"))?;
    let part = Part::Certificate { serial };
    let fault = |damage: Damage| Fault::new(&part, damage);
    let Some(bytes) = context.bundle.bytes(&part) else {
        let part = part.to_string();
        return Err(Fault::of_bundle(Damage::Missing { part }));
    };
    if certificate_line(record).is_none_or(|line| line.as_bytes() != bytes) {
        return Err(fault(Damage::Differs {
            field: "content",
            other: record.part().to_string(),
        }));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| fault(Damage::NotText))?;
    let certificate = certificate::parse(text.trim_end()).map_err(|error| fault(error.into()))?;
    // Without a trusted key the rest is still judged; that it is missing is told.
    let own = Key::try_from(certificate.signature_key().clone());
    let authorities = match (context.authorities, own) {
        ([], Ok(own)) => vec![own],
        (trusted, _) => trusted.to_vec(),
    };
    let (profile, now) = at_about(record.time, |now| {
        Profile::check(&certificate, &authorities, now)
    })
    .map_err(|error| fault(error.into()))?;
    if profile.serial() != serial {
        return Err(differs("serial", &part));
    }
    if record.entry.text("/identity/key") != profile.key().to_string() {
        return Err(differs("key", &part));
    }
    let document = profile.window().document();
    if record.entry.text("/identity/window") != document.id.to_string() {
        return Err(differs("window", &part));
    }
    if record.entry.text("/identity/person") != document.contractor.as_str() {
        return Err(differs("person", &part));
    }
    if record.detail_text("window_hash") != Some(profile.window().hash().to_string().as_str()) {
        return Err(differs("window_hash", &part));
    }
    let window = context.windows.get(&document.id);
    if window.is_none_or(|window| window.frozen.text() != profile.window().text()) {
        return Err(fault(Damage::Differs {
            field: "window",
            other: Part::Window {
                window: document.id,
            }
            .to_string(),
        }));
    }
    let judged = approved(record, session, &profile, now, context, found)
        .map_err(|error| fault((*error).into()))?;
    let Some(approved) = judged else {
        return Ok((profile, None));
    };
    let approvers: Vec<&str> = approved
        .approvers()
        .iter()
        .map(daypass_protocol::name::Name::as_str)
        .collect();
    let named = record
        .detail("approved_by")
        .and_then(serde_json::Value::as_array);
    if named.is_none_or(|named| {
        !named
            .iter()
            .filter_map(|name| name.as_str())
            .eq(approvers.iter().copied())
    }) {
        return Err(differs("approved_by", &part));
    }
    let admission = admitted(record, session, &approved, now, found)?;
    shown(record, &approved, admission)?;
    stopped(record, session, window, found);
    Ok((profile, Some(approved)))
}

/// What the entry shows of the window must be what the window says.
fn shown(
    record: &Record,
    approved: &ApprovedWindow,
    admission: Option<Admission>,
) -> Result<(), Fault> {
    let document = approved.document();
    let differs = |field| {
        let other = Part::Window {
            window: document.id,
        };
        let other = other.to_string();
        Err(Fault::new(&record.part(), Damage::Differs { field, other }))
    };
    let says = |key| record.detail(key).is_some_and(|value| *value == true);
    // Left out where there is no room for it.
    if let Some(items) = record.detail("sudo").and_then(serde_json::Value::as_array) {
        let shown = items.iter().map(|item| item.as_str().map(str::to_owned));
        if !shown.eq(document.sudo.iter().map(|item| Some(item.to_string()))) {
            return differs("sudo");
        }
    }
    if says("root_equivalent") != document.sudo.iter().any(SudoItem::is_root_equivalent) {
        return differs("root_equivalent");
    }
    match admission {
        Some(admission) if says("outside_hours") != (admission == Admission::OutsideHours) => {
            differs("outside_hours")
        }
        _ => Ok(()),
    }
}

/// Judges by the roster that the host used, which its entry names; by no other.
fn approved(
    record: &Record,
    session: &str,
    profile: &Profile,
    now: Time,
    context: &Context<'_>,
    found: &mut Found,
) -> Result<Option<ApprovedWindow>, Box<grant::Refusal>> {
    let named = record.detail("roster").and_then(serde_json::Value::as_u64);
    let dated = context
        .rosters
        .iter()
        .rev()
        .find(|roster| roster.time <= now);
    let used = context
        .rosters
        .iter()
        .find(|roster| Some(roster.number) == named);
    let Some(roster) = used else {
        found.lacks.push(Lack::NoRoster {
            session: session.to_owned(),
            roster: named,
        });
        return Ok(None);
    };
    if let Some(newer) = dated.filter(|dated| dated.number > roster.number) {
        found.remarks.push(Remark::OlderRoster {
            session: session.to_owned(),
            used: roster.number,
            newer: newer.number,
        });
    }
    // A host that cannot be named is refused where the visit is judged, below.
    let here: Vec<Place> = record
        .entry
        .text("/resource/host")
        .parse()
        .map(|host| Place::new(host, [], []))
        .into_iter()
        .collect();
    let rules = &roster.policy.rules;
    if rules.iter().any(|rule| !rule.groups.is_empty()) {
        found.lacks.push(Lack::Groups {
            session: session.to_owned(),
            roster: roster.number,
        });
    }
    profile
        .approve(roster, &here, now)
        .map(Some)
        .map_err(Box::new)
}

fn admitted(
    record: &Record,
    session: &str,
    approved: &ApprovedWindow,
    now: Time,
    found: &mut Found,
) -> Result<Option<Admission>, Fault> {
    let turned = |turned| Fault::new(&record.part(), Damage::Turned(turned));
    let host: HostName = match record.entry.text("/resource/host").parse() {
        Ok(host) => host,
        Err(_) => return Err(turned(Turned::OtherHost)),
    };
    let account: Account = match record.entry.text("/identity/account").parse() {
        Ok(account) => account,
        Err(_) => return Err(turned(Turned::OtherHost)),
    };
    let hosts = &approved.document().hosts;
    let is_named = hosts.contains(&host);
    if !is_named {
        found.lacks.push(Lack::Alias {
            session: session.to_owned(),
            host: host.to_string(),
        });
    }
    let visit = grant::Visit {
        host: if is_named {
            std::slice::from_ref(&host)
        } else {
            hosts
        },
        account: &account,
        source: record.entry.text("/origin/address").parse().ok(),
        now,
    };
    match approved.admits(&visit) {
        Ok(admission) => Ok(Some(admission)),
        Err(Turned::Zone(_)) => {
            found.lacks.push(Lack::Zone {
                window: approved.document().id,
            });
            Ok(None)
        }
        Err(refusal) => Err(turned(refusal)),
    }
}

/// What people had said against the window before.
fn stopped(record: &Record, session: &str, window: Option<&Window>, found: &mut Found) {
    for said in window.map(|window| &window.said).into_iter().flatten() {
        let statement = said.verified.statement();
        let is_stop = matches!(statement.verb, Verb::Deny | Verb::End | Verb::Revoke);
        if is_stop
            && said.power == Power::Had
            && statement.time < record.time
            && let Some(window) = window
        {
            found.remarks.push(Remark::Stopped {
                signer: statement.signer.to_string(),
                verb: statement.verb.as_str(),
                window: window.frozen.document().id,
                time: statement.time.to_string(),
                session: session.to_owned(),
            });
        }
    }
}

/// The CA's own entry about the certificate.
fn issued(
    profile: &Profile,
    record: &Record,
    records: &[Record],
    found: &mut Found,
    faults: &mut Vec<Fault>,
) {
    let serial = profile.serial();
    let issue = records.iter().find(|other| {
        other.action() == "certificate.issued"
            && other.entry.text("/identity/serial") == serial.to_string()
    });
    let Some(issue) = issue else {
        found.remarks.push(Remark::NoIssue { serial });
        return;
    };
    for (pointer, field) in [
        ("/identity/window", "window"),
        ("/identity/key", "key"),
        ("/identity/person", "person"),
    ] {
        if issue.entry.text(pointer) != record.entry.text(pointer) {
            let other = record.part().to_string();
            faults.push(Fault::new(&issue.part(), Damage::Differs { field, other }));
        }
    }
}

/// Judges as of the second in which the entry was written, or one of those just before.
fn at_about<T, E>(time: Time, judge: impl Fn(Time) -> Result<T, E>) -> Result<(T, Time), E> {
    let first = match judge(time) {
        Ok(value) => return Ok((value, time)),
        Err(error) => error,
    };
    for earlier in 1..=MOMENT {
        if let Ok(value) = judge(time.minus(earlier)) {
            return Ok((value, time.minus(earlier)));
        }
    }
    Err(first)
}
