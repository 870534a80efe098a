//! `daypass log --collector`: the collector searches, page by page, and goes on with what comes in.

use daypass_protocol::forwarding::Entries;

use super::entry::Entry;
use super::filter::Filter;
use super::{LogArguments, LogFormat, show};
use crate::Context;
use crate::ca::Ca;
use crate::collector::{Collector, Which};
use crate::diagnostic::{Failure, hint};
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::log::render;
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
    let entries = match arguments.last {
        Some(last) => {
            let mut newest = found(&collector, filter, Order::Newest, last)?;
            newest.reverse();
            newest
        }
        None => found(&collector, filter, Order::Oldest, usize::MAX)?,
    };
    show(context, arguments.format, &entries)?;
    note(hint::AS_COLLECTED);
    Ok(Exit::Done)
}

/// The first `most` entries that the filter admits.
fn found(
    collector: &Collector<'_>,
    filter: &Filter,
    order: Order,
    most: usize,
) -> Result<Vec<Entry>, Failure> {
    let mut all = Vec::new();
    let mut cursor = None;
    while all.len() < most {
        let limit = PAGE.min(most - all.len());
        let query = Query::of(filter, order, limit, cursor.as_deref());
        let Entries { entries, next } = collector.entries(&query.text())?;
        all.extend(
            entries
                .into_iter()
                .map(|found| Entry::new(found.entry.into_bytes())),
        );
        match next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    Ok(all)
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
    let mut cursor: Option<String> = None;
    loop {
        let query = Query::of(&filter, Order::Arrival, PAGE, cursor.as_deref()).waiting(WAIT);
        let Entries { entries, next } = collector.entries(&query.text())?;
        let entries: Vec<_> = entries
            .into_iter()
            .map(|found| Entry::new(found.entry.into_bytes()))
            .collect();
        if !entries.is_empty() {
            match arguments.format {
                // One heading for all of it.
                LogFormat::Table => render::rows(&context.output, &entries, &context.zone)?,
                format => show(context, format, &entries)?,
            }
        }
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
            ("host", &filter.hosts),
            ("window", &filter.windows),
            ("action", &filter.actions),
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
            hosts: vec!["db1".into()],
            actions: vec!["sudo".into()],
            text: Some("a b&c=ü".into()),
            ..Filter::default()
        };
        let query = Query::of(&filter, Order::Arrival, 5, Some("a.1.2")).waiting(15);
        assert_eq!(
            query.text(),
            "order=arrival&limit=5&since=2026-11-23T10%3A00%3A00Z&user=carol&user=deploy&host=db1&action=sudo\
             &text=a+b%26c%3D%C3%BC&cursor=a.1.2&wait=15"
        );
    }
}
