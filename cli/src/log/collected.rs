//! `daypass log --collector`: the collector searches, page by page, and goes on with what comes in.

use daypass_protocol::forwarding::Entries;

use super::LogArguments;
use super::entry::Entry;
use super::filter::Filter;
use super::render::{Printer, Rows};
use super::source::wait_for_more;
use crate::Context;
use crate::ca::Ca;
use crate::collector::{Collector, Which};
use crate::diagnostic::{Failure, hint};
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::output::note;

/// Entries asked for at once.
const PAGE: usize = 500;
/// So long the collector may wait for something to come in before it answers, in seconds.
const WAIT: u64 = 15;
/// What was written so long before a live view began is shown as well: clocks differ, and lines take a moment.
const BEFORE: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

/// In which order the collector gives what it finds.
#[derive(Clone, Copy)]
enum Order {
    Oldest,
    Newest,
    Arrival,
}

pub(super) fn run(
    context: &Context,
    arguments: &LogArguments,
    filter: &Filter,
    which: &Which,
) -> Result<Exit, Failure> {
    if !arguments.directories.is_empty() {
        return Err(Failure::TwoSources);
    }
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    let collector = Collector::find(&ca, which)?;
    if arguments.follow {
        return follow(context, arguments, filter, &collector);
    }
    let rows = Rows::new(arguments.format, &context.output, &context.zone);
    let mut printer = Printer::new(&context.output, &rows);
    let mut print = |entry: &Entry| printer.print(&rows.of(entry));
    match arguments.last {
        Some(last) => {
            let mut newest = Vec::new();
            each(&collector, filter, Order::Newest, last as usize, |entry| {
                newest.push(entry);
                Ok(())
            })?;
            newest.iter().rev().try_for_each(print)?;
        }
        None => each(&collector, filter, Order::Oldest, usize::MAX, |entry| {
            print(&entry)
        })?,
    }
    printer.finish()?;
    note(hint::AS_COLLECTED);
    Ok(Exit::Done)
}

/// Hands on the first `most` entries that the filter admits, each as its page comes.
fn each(
    collector: &Collector<'_>,
    filter: &Filter,
    order: Order,
    most: usize,
    mut with: impl FnMut(Entry) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut left = most;
    let mut cursor = None;
    loop {
        let query = Query::of(filter, order, PAGE.min(left), cursor.as_deref());
        let Entries { entries, next } = collector.entries(&query.text())?;
        for found in entries.into_iter().take(left) {
            left -= 1;
            with(Entry::of(found.origin, found.entry.into_bytes()))?;
        }
        match next {
            Some(next) if left > 0 => cursor = Some(next),
            _ => return Ok(()),
        }
    }
}

/// Shows what comes in, until the person has seen enough.
fn follow(
    context: &Context,
    arguments: &LogArguments,
    filter: &Filter,
    collector: &Collector<'_>,
) -> Result<Exit, Failure> {
    let mut filter = filter.clone();
    if filter.since.is_none() {
        filter.since = jiff::Timestamp::now().checked_sub(BEFORE).ok();
    }
    note(hint::FOLLOWING);
    let rows = Rows::new(arguments.format, &context.output, &context.zone);
    let mut printer = Printer::new(&context.output, &rows);
    let mut cursor: Option<String> = None;
    let mut has_answered = false;
    let mut is_away = false;
    loop {
        let query = Query::of(&filter, Order::Arrival, PAGE, cursor.as_deref()).waiting(WAIT);
        let Entries { entries, next } = match collector.entries(&query.text()) {
            Ok(found) => found,
            // It is there, only not now: nothing of what comes in meanwhile is missed.
            Err(failure) if has_answered && failure.may_pass() => {
                if !is_away {
                    note(hint::goes_on(&failure));
                }
                is_away = true;
                wait_for_more();
                continue;
            }
            Err(failure) => return Err(failure),
        };
        has_answered = true;
        is_away = false;
        for found in entries {
            printer.print(&rows.of(&Entry::of(found.origin, found.entry.into_bytes())))?;
        }
        printer.flush()?;
        cursor = next.or(cursor);
    }
}

/// What stands behind the question mark.
struct Query(Vec<(&'static str, String)>);

impl Query {
    fn of(filter: &Filter, order: Order, limit: usize, cursor: Option<&str>) -> Self {
        let order = match order {
            Order::Oldest => "oldest",
            Order::Newest => "newest",
            Order::Arrival => "arrival",
        };
        let mut pairs = vec![("order", order.to_owned()), ("limit", limit.to_string())];
        pairs.extend(filter.since.map(|since| ("since", since.to_string())));
        pairs.extend(filter.until.map(|until| ("until", until.to_string())));
        for (key, values) in [
            ("user", &filter.users),
            ("person", &filter.persons),
            ("account", &filter.accounts),
            ("host", &filter.hosts),
            ("group", &filter.groups),
            ("window", &filter.windows),
            ("session", &filter.sessions),
            ("action", &filter.actions),
            ("outcome", &filter.outcomes),
        ] {
            pairs.extend(values.iter().map(|value| (key, value.clone())));
        }
        pairs.extend(filter.text.clone().map(|text| ("text", text)));
        pairs.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
        Self(pairs)
    }

    fn waiting(mut self, seconds: u64) -> Self {
        self.0.push(("wait", seconds.to_string()));
        self
    }

    fn text(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.0)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_stands_in_the_query_and_is_encoded() {
        let filter = Filter {
            since: Some("2026-11-23T10:00:00Z".parse().expect("a time")),
            users: vec!["carol".into(), "deploy".into()],
            persons: vec!["bob".into()],
            accounts: vec!["root".into()],
            hosts: vec!["db1".into()],
            groups: vec!["prod".into()],
            windows: vec!["w-1".into()],
            sessions: vec!["s-1".into()],
            actions: vec!["sudo".into()],
            outcomes: vec!["denied".into()],
            text: Some("a b&c=ü".into()),
            ..Filter::default()
        };
        let query = Query::of(&filter, Order::Arrival, 5, Some("a.1.2")).waiting(15);
        assert_eq!(
            query.text(),
            "order=arrival&limit=5&since=2026-11-23T10%3A00%3A00Z&user=carol&user=deploy&person=bob&account=root\
             &host=db1&group=prod&window=w-1&session=s-1&action=sudo&outcome=denied&text=a+b%26c%3D%C3%BC&cursor=a.1.2&wait=15"
        );
    }
}
