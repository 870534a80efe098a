//! `daypass session`: one visit from the request to its end, each line with the journal and the number that it stands at.

use daypass_protocol::forwarding::{Ending, Found, Session, Story};
use daypass_protocol::name::HostName;
use daypass_protocol::time::Time;
use serde_json::value::RawValue;

use super::CollectorOption;
use crate::Context;
use crate::ca::Ca;
use crate::collector::Collector;
use crate::diagnostic::{Failure, hint};
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::log::entry::Entry;
use crate::output::inert::inert;
use crate::output::{Format, FormatOption, Table, note};
use crate::{moment, portrait};

/// Arguments of `daypass session`.
#[derive(Debug, clap::Args)]
pub struct SessionArguments {
    /// The session's id, as s-0011223344556677
    #[arg(value_name = "SESSION")]
    session: String,
    /// Its host, where several have a session of this id
    #[arg(long, value_name = "HOST")]
    host: Option<HostName>,
    #[command(flatten)]
    collector: CollectorOption,
    #[command(flatten)]
    output: FormatOption,
}

/// The story as JSON: what is known of the session, and the exact entries.
#[derive(serde::Serialize)]
struct Told<'a> {
    session: &'a Session,
    story: Vec<Line<'a>>,
}

#[derive(serde::Serialize)]
struct Line<'a> {
    origin: &'a str,
    entry: Box<RawValue>,
}

/// Tells the story of one session.
pub(crate) fn show(context: &Context, arguments: &SessionArguments) -> Result<Exit, Failure> {
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    let collector = Collector::find(&ca, &arguments.collector.collector)?;
    let host = arguments.host.as_ref().map(ToString::to_string);
    let Story {
        session, entries, ..
    } = collector.story(&arguments.session, host.as_deref())?;
    if arguments.output.format == Format::Json {
        let told = Told {
            session: &session,
            story: entries.iter().map(line).collect(),
        };
        context.output.json(&told)?;
        return Ok(Exit::Done);
    }
    context.output.line(portrait(context, &session))?;
    let mut table = Table::new(["TIME", "JOURNAL", "SEQ", "ACTION", "OUTCOME", "WHO", "WHAT"]);
    for found in &entries {
        let entry = Entry::new(found.entry.clone().into_bytes());
        let time = entry.time().map(|time| moment::brief(time, &context.zone));
        table.row([
            time.unwrap_or_else(|| inert(entry.text("/time")).into_owned())
                .as_str(),
            inert(journal(&found.origin)).as_ref(),
            &entry.seq().map(|seq| seq.to_string()).unwrap_or_default(),
            inert(entry.text("/action")).as_ref(),
            inert(entry.text("/outcome")).as_ref(),
            inert(entry.first(&["/identity/person", "/identity/account"])).as_ref(),
            &entry.what(),
        ]);
    }
    context.output.table(&table)?;
    note(hint::AS_COLLECTED);
    Ok(Exit::Done)
}

fn portrait(context: &Context, session: &Session) -> String {
    let time = |time: Time| portrait::brief(time, &context.zone);
    let mut lines = vec![format!(
        "{} is {}@{}{} since {}{}",
        inert(session.person.as_deref().unwrap_or("somebody")),
        inert(&session.account),
        inert(&session.host),
        session
            .address
            .as_deref()
            .map(|address| format!(" from {}", inert(address)))
            .unwrap_or_default(),
        time(session.since),
        session
            .until
            .map(|until| format!(", until {}", time(until)))
            .unwrap_or_default(),
    )];
    if session.window.is_some() {
        lines.push(format!("allowed by {}", super::allowed_by(session)));
    }
    lines.push(match session.ended {
        Some(ended) => format!(
            "over since {} ({})",
            time(ended),
            session.ending.map(Ending::as_str).unwrap_or_default()
        ),
        None => format!("now: {}", super::state(session, time)),
    });
    lines.join("\n")
}

/// `host db1` or `ca`, from an origin.
fn journal(origin: &str) -> &str {
    let mut parts = origin.split('/').skip(2);
    match (parts.next(), parts.next()) {
        (Some("host"), Some(host)) => host,
        (Some(owner), _) => owner,
        (None, _) => origin,
    }
}

/// An entry's exact bytes where they are JSON, as all are that a collector took in.
fn line(found: &Found) -> Line<'_> {
    let entry = RawValue::from_string(found.entry.clone())
        .or_else(|_| serde_json::value::to_raw_value(&found.entry));
    Line {
        origin: &found.origin,
        entry: entry.unwrap_or_default(),
    }
}
