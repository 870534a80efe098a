//! `daypass sessions` and `daypass session`: who is where, and the story of one visit, by the collector.

pub(crate) mod story;

use daypass_protocol::forwarding::{Session, SessionState};
use daypass_protocol::name::{HostName, Name};
use daypass_protocol::time::Time;

use crate::Context;
use crate::ca::Ca;
use crate::collector::{Collector, NAMED_BY_CA, Which};
use crate::diagnostic::{Failure, hint};
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::output::inert::inert;
use crate::output::{Format, FormatOption, Table, note};
use crate::portrait;

/// Arguments of `daypass sessions`.
#[derive(Debug, clap::Args)]
pub struct SessionsArguments {
    /// A person or an account; may be repeated
    #[arg(long = "user", value_name = "NAME")]
    users: Vec<String>,
    /// A host; may be repeated
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<HostName>,
    /// A group of hosts; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<Name>,
    #[command(flatten)]
    collector: CollectorOption,
    #[command(flatten)]
    output: FormatOption,
}

/// The option `--collector` of commands that ask a collector in any case.
#[derive(Debug, clap::Args)]
struct CollectorOption {
    /// Ask this collector instead of the first that the CA names
    #[arg(long, value_name = "URL", default_value = NAMED_BY_CA, hide_default_value = true)]
    collector: Which,
}

/// Shows who is where right now.
pub(crate) fn list(context: &Context, arguments: &SessionsArguments) -> Result<Exit, Failure> {
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    let collector = Collector::find(&ca, &arguments.collector.collector)?;
    let sessions = collector.sessions(&arguments.pairs())?;
    if arguments.output.format == Format::Json {
        context.output.json(&sessions)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new([
        "HOST",
        "ACCOUNT",
        "WHO",
        "FROM",
        "SINCE",
        "UNTIL",
        "ALLOWED BY",
        "STATE",
        "SESSION",
    ]);
    for session in &sessions {
        let time = |time: Time| portrait::brief(time, &context.zone);
        table.row([
            inert(&session.host).as_ref(),
            inert(&session.account).as_ref(),
            inert(session.person.as_deref().unwrap_or("-")).as_ref(),
            inert(session.address.as_deref().unwrap_or(&session.service)).as_ref(),
            &time(session.since),
            &session.until.map_or_else(|| "-".to_owned(), time),
            &allowed_by(session),
            &state(session, time),
            inert(&session.session).as_ref(),
        ]);
    }
    if table.is_empty() {
        note(hint::NO_SESSIONS);
    } else {
        context.output.table(&table)?;
    }
    note(hint::AS_COLLECTED);
    Ok(Exit::Done)
}

impl SessionsArguments {
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let users = self.users.iter().map(|user| ("user", user.clone()));
        let hosts = self.hosts.iter().map(|host| ("host", host.to_string()));
        let groups = self.groups.iter().map(|group| ("group", group.to_string()));
        users.chain(hosts).chain(groups).collect()
    }
}

/// Who approved, and by which window.
fn allowed_by(session: &Session) -> String {
    match &session.window {
        Some(window) => format!(
            "{} ({})",
            inert(&session.approved_by.join(", ")),
            inert(window)
        ),
        None => "-".to_owned(),
    }
}

/// How it stands, and since when nothing is known of it.
fn state(session: &Session, time: impl Fn(Time) -> String) -> String {
    match (session.state, session.heard) {
        (SessionState::Live, _) => "live".to_owned(),
        (SessionState::Overdue, _) => "overdue: its time is up, and no end is known".to_owned(),
        (SessionState::Silent, Some(heard)) => {
            format!(
                "unknown: nothing is heard of the host since {}",
                time(heard)
            )
        }
        (SessionState::Silent, None) => "unknown: nothing is heard of the host".to_owned(),
        (SessionState::Lost, _) => "unknown: the host was enrolled anew since".to_owned(),
        (SessionState::Over, _) => "over".to_owned(),
    }
}
