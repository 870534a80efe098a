//! `daypass log`: reads journals, in directories or the CA's own, and shows what is asked for as it is found.

mod collected;
pub(crate) mod entry;
pub(crate) mod filter;
mod follow;
mod merge;
mod render;
pub(crate) mod source;

use std::path::PathBuf;
use std::sync::Arc;

use daypass_journal::reader::{Begin, Follower, Mark};
use daypass_protocol::name::{HostName, Name};
use daypass_protocol::window::WindowId;
use jiff::Zoned;

use crate::Context;
use crate::ca::Ca;
use crate::collector::{NAMED_BY_CA, Which};
use crate::diagnostic::{Failure, hint};
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::moment::{Direction, When};
use crate::output::note;
use filter::Filter;
use merge::Merged;
use render::{Printer, Rows};
use source::{Length, Search, Source};

/// Arguments of `daypass log`.
#[derive(Debug, clap::Args)]
pub struct LogArguments {
    /// Directories of journals; the CA's own journal if neither they nor a collector are given
    #[arg(value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// Not before: RFC 3339, a date, HH:MM, or a duration ago
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// Before: likewise
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    /// A person or an account; may be repeated
    #[arg(long = "user", value_name = "NAME")]
    users: Vec<String>,
    /// A person; may be repeated
    #[arg(long = "person", value_name = "NAME")]
    persons: Vec<String>,
    /// An account, logged in to or the target of a sudo; may be repeated
    #[arg(long = "account", value_name = "NAME")]
    accounts: Vec<String>,
    /// A host; may be repeated
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<HostName>,
    /// A group of hosts, with --collector; may be repeated
    #[arg(long = "group", value_name = "GROUP", requires = "collector")]
    groups: Vec<Name>,
    /// A window; may be repeated
    #[arg(long = "window", value_name = "WINDOW")]
    windows: Vec<WindowId>,
    /// A session, as s-0011223344556677; may be repeated
    #[arg(long = "session", value_name = "SESSION")]
    sessions: Vec<String>,
    /// An action, as sudo.request, or all of a kind, as sudo; may be repeated
    #[arg(long = "action", value_name = "ACTION")]
    actions: Vec<String>,
    /// How it ended: allowed, denied, done or failed; may be repeated
    #[arg(long = "outcome", value_name = "OUTCOME", value_parser = ["allowed", "denied", "done", "failed"])]
    outcomes: Vec<String>,
    /// A piece of the command or the reason
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Only the last N
    #[arg(short = 'n', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    last: Option<u32>,
    /// Ask the collector, which has the journals of all; without a URL, the collector that the CA names
    #[arg(
        long,
        value_name = "URL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = NAMED_BY_CA
    )]
    collector: Option<Which>,
    /// Show command lines whole where their entries have the beginning only: from beside the journals, by their hash
    #[arg(long, requires = "directories")]
    whole: bool,
    /// Go on with what comes in from now on, until interrupted
    #[arg(short = 'f', long = "follow")]
    follow: bool,
    /// How to write the result
    #[arg(
        short = 'o',
        long = "output",
        value_name = "FORMAT",
        default_value = "table"
    )]
    format: LogFormat,
}

/// How entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    /// For reading
    Table,
    /// JSON lines: each entry's exact bytes
    Json,
    /// For spreadsheets
    Csv,
    /// JSON lines: events of the Open Cybersecurity Schema Framework
    Ocsf,
    /// JSON lines: documents of the Elastic Common Schema
    Ecs,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &LogArguments) -> Result<Exit, Failure> {
    let filter = arguments.filter(&Zoned::now())?;
    let length = match (arguments.whole, arguments.format) {
        (false, _) => Length::AsKept,
        (true, LogFormat::Table | LogFormat::Csv) => Length::Whole,
        (true, LogFormat::Json | LogFormat::Ocsf | LogFormat::Ecs) => {
            return Err(Failure::NeverWhole);
        }
    };
    if let Some(which) = &arguments.collector {
        return collected::run(context, arguments, &filter, which);
    }
    let rows = Rows::new(arguments.format, &context.output, &context.zone);
    let mut printer = Printer::new(&context.output, &rows);
    let search = Arc::new(Search {
        filter,
        rows,
        length,
    });
    if arguments.directories.is_empty() {
        of_ca(context, arguments, &search, &mut printer)?;
        note(hint::AS_TOLD);
    } else {
        in_directories(arguments, &search, &mut printer)?;
        note(hint::NOT_VERIFIED);
    }
    Ok(Exit::Done)
}

fn of_ca(
    context: &Context,
    arguments: &LogArguments,
    search: &Arc<Search>,
    printer: &mut Printer<'_>,
) -> Result<(), Failure> {
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    let mut pages = source::of_ca(&ca, Arc::clone(search));
    match arguments.last {
        None => print(printer, pages.by_ref())?,
        Some(last) => print(
            printer,
            source::last_of(pages.by_ref(), last)?.into_iter().map(Ok),
        )?,
    }
    printer.finish()?;
    if !arguments.follow {
        return Ok(());
    }
    loop {
        source::wait_for_more();
        print(printer, pages.by_ref())?;
        printer.flush()?;
    }
}

fn in_directories(
    arguments: &LogArguments,
    search: &Arc<Search>,
    printer: &mut Printer<'_>,
) -> Result<(), Failure> {
    // Begun before the search, which then ends where they go on.
    let mut followers = Vec::new();
    if arguments.follow {
        for directory in &arguments.directories {
            let opened = Follower::open(directory, Begin::End);
            followers.push(opened.map_err(source::unreadable(directory))?);
        }
    }
    let marks: Vec<Option<Mark>> = match arguments.follow {
        true => followers
            .iter()
            .map(|follower| Some(follower.mark()))
            .collect(),
        false => vec![None; arguments.directories.len()],
    };
    let mut sources: Vec<Source> = Vec::new();
    for (directory, mark) in arguments.directories.iter().zip(marks) {
        sources.push(match arguments.last {
            None => source::in_directory(directory, search, mark)?,
            Some(last) => source::last_in_directory(directory, search, mark, last)?,
        });
    }
    let merged = Merged::of(sources);
    match arguments.last {
        None => print(printer, merged)?,
        Some(last) => {
            let rows: Vec<_> = merged.collect();
            let before = rows.len().saturating_sub(last as usize);
            print(printer, rows.into_iter().skip(before))?;
        }
    }
    printer.finish()?;
    if arguments.follow {
        follow::follow(followers, &arguments.directories, search, printer)?;
    }
    Ok(())
}

fn print(
    printer: &mut Printer<'_>,
    rows: impl Iterator<Item = Result<render::Row, Failure>>,
) -> Result<(), Failure> {
    for row in rows {
        printer.print(&row?)?;
    }
    Ok(())
}

impl LogArguments {
    fn filter(&self, now: &Zoned) -> Result<Filter, Failure> {
        let instant = |when: Option<When>| {
            when.map(|when| when.resolve(now, Direction::Back))
                .transpose()
        };
        Ok(Filter {
            since: instant(self.since)?,
            until: instant(self.until)?,
            users: self.users.clone(),
            persons: self.persons.clone(),
            accounts: self.accounts.clone(),
            hosts: self.hosts.iter().map(ToString::to_string).collect(),
            groups: self.groups.iter().map(ToString::to_string).collect(),
            windows: self.windows.iter().map(ToString::to_string).collect(),
            sessions: self.sessions.clone(),
            actions: self.actions.clone(),
            outcomes: self.outcomes.clone(),
            text: self.text.clone(),
        })
    }
}
