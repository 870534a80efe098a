//! `daypass log`: reads journals, in directories or the CA's own, and shows what is asked for.

mod collected;
mod entry;
mod filter;
mod render;
mod source;

use std::collections::VecDeque;
use std::path::PathBuf;

use daypass_protocol::name::HostName;
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
use entry::Entry;
use filter::Filter;

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
    /// A host; may be repeated
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<HostName>,
    /// A window; may be repeated
    #[arg(long = "window", value_name = "WINDOW")]
    windows: Vec<WindowId>,
    /// An action, as sudo.request, or all of a kind, as sudo; may be repeated
    #[arg(long = "action", value_name = "ACTION")]
    actions: Vec<String>,
    /// A piece of the command or the reason
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Only the last N
    #[arg(short = 'n', value_name = "N")]
    last: Option<usize>,
    /// Ask the collector, which has the journals of all; without a URL, the collector that the CA names
    #[arg(
        long,
        value_name = "URL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = NAMED_BY_CA
    )]
    collector: Option<Which>,
    /// Go on with what comes in, until interrupted (with --collector)
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
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &LogArguments) -> Result<Exit, Failure> {
    let filter = arguments.filter(&Zoned::now())?;
    if let Some(which) = &arguments.collector {
        return collected::run(context, arguments, &filter, which);
    }
    if arguments.follow {
        return Err(Failure::FollowWhat);
    }
    let mut sources = Vec::new();
    if arguments.directories.is_empty() {
        let ca = Ca::connect(&context.places, Asking::Allowed)?;
        sources.push(kept(source::of_ca(&ca), &filter, arguments.last)?);
    }
    for directory in &arguments.directories {
        sources.push(kept(
            source::in_directory(directory)?,
            &filter,
            arguments.last,
        )?);
    }
    let mut entries = merged(sources);
    if let Some(last) = arguments.last {
        entries.drain(..entries.len().saturating_sub(last));
    }
    show(context, arguments.format, &entries)?;
    note(if arguments.directories.is_empty() {
        hint::AS_TOLD
    } else {
        hint::NOT_VERIFIED
    });
    Ok(Exit::Done)
}

fn show(context: &Context, format: LogFormat, entries: &[Entry]) -> Result<(), Failure> {
    match format {
        LogFormat::Table => render::table(&context.output, entries, &context.zone),
        LogFormat::Json => render::json(&context.output, entries),
        LogFormat::Csv => render::csv(&context.output, entries),
    }
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
            hosts: self.hosts.iter().map(ToString::to_string).collect(),
            windows: self.windows.iter().map(ToString::to_string).collect(),
            actions: self.actions.clone(),
            text: self.text.clone(),
        })
    }
}

/// What the filter admits, and of that the last `last`.
fn kept(
    entries: impl Iterator<Item = Result<Entry, Failure>>,
    filter: &Filter,
    last: Option<usize>,
) -> Result<VecDeque<Entry>, Failure> {
    let mut kept = VecDeque::new();
    for entry in entries {
        let entry = entry?;
        if filter.admits(&entry) {
            kept.push_back(entry);
            if last.is_some_and(|last| kept.len() > last) {
                kept.pop_front();
            }
        }
    }
    Ok(kept)
}

/// One list by time. Each journal keeps its own order, whatever its clock did.
fn merged(mut sources: Vec<VecDeque<Entry>>) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(sources.iter().map(VecDeque::len).sum());
    while let Some(next) = (0..sources.len())
        .filter(|at| !sources[*at].is_empty())
        .min_by_key(|at| sources[*at].front().and_then(Entry::time))
    {
        entries.extend(sources[next].pop_front());
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(entries: &[(u64, &str)]) -> VecDeque<Entry> {
        let line = |(seq, time): &(u64, &str)| {
            Entry::new(format!(r#"{{"seq":{seq},"time":"{time}"}}"#).into_bytes())
        };
        entries.iter().map(line).collect()
    }

    #[test]
    fn journals_are_merged_by_time_and_keep_their_own_order() {
        let one = journal(&[
            (0, "2026-11-23T10:00:00Z"),
            (1, "2026-11-23T09:00:00Z"),
            (2, "2026-11-23T12:00:00Z"),
        ]);
        let other = journal(&[(10, "2026-11-23T10:30:00Z"), (11, "2026-11-23T11:00:00Z")]);
        let order: Vec<u64> = merged(vec![one, other])
            .iter()
            .filter_map(Entry::seq)
            .collect();
        assert_eq!(order, [0, 1, 10, 11, 2]);
    }

    #[test]
    fn only_the_last_are_kept() {
        let entries = journal(&[(0, "x"), (1, "x"), (2, "x")]).into_iter().map(Ok);
        let kept = kept(entries, &Filter::default(), Some(2)).expect("entries");
        assert_eq!(
            kept.iter().filter_map(Entry::seq).collect::<Vec<_>>(),
            [1, 2]
        );
    }
}
