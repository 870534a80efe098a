//! Entries as a table, as JSON lines, as CSV; each shown as soon as it is found.

use daypass_protocol::export::{ecs, ocsf};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::LogFormat;
use super::entry::Entry;
use crate::diagnostic::Failure;
use crate::moment;
use crate::output::inert::{inert, inert_bytes, inert_json};
use crate::output::{Columns, Output};

/// The columns of the CSV form, in order. A journal's reader can count on them; new ones come last.
const CSV_COLUMNS: &str =
    "seq,time,host,action,outcome,person,account,window,serial,address,target,command,reason";

/// The table's headings, and how wide each column is at least: what its usual content needs.
const HEADINGS: [(&str, usize); 8] = [
    ("TIME", 0),
    ("HOST", 8),
    ("ACTION", 13),
    ("OUTCOME", 7),
    ("WHO", 10),
    ("ACCOUNT", 8),
    ("WINDOW", 28),
    ("WHAT", 0),
];

/// Bytes that are gathered before they are written.
const GATHERED: usize = 32 * 1024;

/// An entry, ready to be shown.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// When it was written, by the clock of the machine that wrote it.
    pub(super) time: Option<Timestamp>,
    pub(super) shown: Shown,
}

/// How it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// The cells of a table, inert.
    Cells([String; HEADINGS.len()]),
    /// A line without its end.
    Line(Vec<u8>),
}

/// Makes rows of entries.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    format: LogFormat,
    is_terminal: bool,
    zone: TimeZone,
}

impl Rows {
    pub(super) fn new(format: LogFormat, output: &Output, zone: &TimeZone) -> Self {
        Self {
            format,
            is_terminal: output.is_terminal(),
            zone: zone.clone(),
        }
    }

    /// The row of an entry.
    pub(super) fn of(&self, entry: &Entry) -> Row {
        let shown = match self.format {
            LogFormat::Table => Shown::Cells(cells(entry, &self.zone)),
            LogFormat::Json if self.is_terminal => Shown::Line(terminal_json(&entry.bytes).into()),
            LogFormat::Json => Shown::Line(entry.bytes.clone()),
            LogFormat::Csv => Shown::Line(csv(entry).into()),
            LogFormat::Ocsf => exported(&ocsf::event(&entry.source())),
            LogFormat::Ecs => exported(&ecs::document(&entry.source())),
        };
        Row {
            time: entry.time(),
            shown,
        }
    }
}

/// A table's row: times in the reader's zone, and in UTC.
fn cells(entry: &Entry, zone: &TimeZone) -> [String; HEADINGS.len()] {
    let time = entry.time().map(|time| moment::brief(time, zone));
    [
        time.unwrap_or_else(|| inert(entry.text("/time")).into_owned()),
        inert(entry.text("/resource/host")).into_owned(),
        inert(entry.text("/action")).into_owned(),
        inert(entry.text("/outcome")).into_owned(),
        inert(entry.first(&["/identity/person", "/origin/address"])).into_owned(),
        inert(entry.first(&["/identity/account", "/resource/account"])).into_owned(),
        inert(entry.text("/identity/window")).into_owned(),
        entry.what(),
    ]
}

/// CSV by RFC 4180, every cell inert, and none that a spreadsheet takes for a formula.
fn csv(entry: &Entry) -> String {
    let command = entry
        .command()
        .map(|command| inert_bytes(&command))
        .unwrap_or_default();
    let seq = entry.seq().map(|seq| seq.to_string()).unwrap_or_default();
    let cells = [
        seq.as_str(),
        &inert(entry.text("/time")),
        &inert(entry.text("/resource/host")),
        &inert(entry.text("/action")),
        &inert(entry.text("/outcome")),
        &inert(entry.text("/identity/person")),
        &inert(entry.text("/identity/account")),
        &inert(entry.text("/identity/window")),
        &inert(entry.text("/identity/serial")),
        &inert(entry.text("/origin/address")),
        &inert(entry.text("/resource/account")),
        &command,
        &inert(entry.text("/reason")),
    ];
    cells.map(csv_cell).join(",")
}

/// A document on a line of its own; inert wherever it goes, since that changes no value.
fn exported(document: &serde_json::Value) -> Shown {
    Shown::Line(inert_json(&document.to_string()).into_owned().into())
}

/// JSON on a terminal: the same values, control characters escaped.
fn terminal_json(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => inert_json(text).into_owned(),
        Err(_) => inert_bytes(bytes),
    }
}

fn csv_cell(text: &str) -> String {
    let guarded = if text.starts_with(['=', '+', '-', '@']) {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if guarded.contains(['"', ',', ' ', '\'']) {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

/// Writes rows as they come: the first at once, later ones in larger pieces.
pub(super) struct Printer<'a> {
    output: &'a Output,
    format: LogFormat,
    columns: Columns<{ HEADINGS.len() }>,
    gathered: Vec<u8>,
    has_begun: bool,
}

impl<'a> Printer<'a> {
    pub(super) fn new(output: &'a Output, rows: &Rows) -> Self {
        let mut widths = HEADINGS.map(|(_, width)| width);
        // As wide as the times of this reader's zone are.
        widths[0] = moment::brief(Timestamp::now(), &rows.zone).chars().count();
        Self {
            output,
            format: rows.format,
            columns: Columns::new(widths),
            gathered: Vec::with_capacity(GATHERED),
            has_begun: false,
        }
    }

    /// Writes one row.
    pub(super) fn print(&mut self, row: &Row) -> Result<(), Failure> {
        let is_first = !self.has_begun;
        self.begin();
        match &row.shown {
            Shown::Cells(cells) => self
                .gathered
                .extend_from_slice(self.columns.line(cells).as_bytes()),
            Shown::Line(line) => self.gathered.extend_from_slice(line),
        }
        self.end_line();
        if is_first || self.gathered.len() >= GATHERED {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what is left; headings stand there even when nothing was found.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        self.begin();
        self.flush()
    }

    /// Writes what was gathered.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        let written = self.output.bytes(&self.gathered);
        self.gathered.clear();
        written
    }

    fn begin(&mut self) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        match self.format {
            LogFormat::Json | LogFormat::Ocsf | LogFormat::Ecs => return,
            LogFormat::Csv => self.gathered.extend_from_slice(CSV_COLUMNS.as_bytes()),
            LogFormat::Table => {
                let headings = HEADINGS.map(|(heading, _)| heading.to_owned());
                self.gathered
                    .extend_from_slice(self.columns.line(&headings).as_bytes());
            }
        }
        self.end_line();
    }

    fn end_line(&mut self) {
        let end: &[u8] = if self.format == LogFormat::Csv {
            b"\r\n"
        } else {
            b"\n"
        };
        self.gathered.extend_from_slice(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        assert_eq!(csv_cell("plain"), "plain");
        assert_eq!(csv_cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(csv_cell("=cmd|' /C calc'!A0"), "\"'=cmd|' /C calc'!A0\"");
    }

    proptest! {
        #[test]
        fn a_cell_reads_back_and_stays_on_its_line(text in any::<String>()) {
            let shown = inert(&text).into_owned();
            let cell = csv_cell(&shown);
            let bare = match cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')) {
                Some(quoted) => quoted.replace("\"\"", "\""),
                None => cell.clone(),
            };
            prop_assert!(!cell.contains('\n'));
            prop_assert_eq!(bare.strip_prefix('\'').filter(|_| !shown.starts_with('\'')).unwrap_or(&bare), &shown);
        }
    }
}
