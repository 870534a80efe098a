//! Entries as a table, as JSON lines, as CSV.

use jiff::tz::TimeZone;

use super::entry::Entry;
use crate::diagnostic::Failure;
use crate::output::inert::{inert, inert_bytes, inert_json};
use crate::output::{Output, Table};

/// The columns of the CSV form, in order. A journal's reader can count on them; new ones come last.
const CSV_COLUMNS: &str =
    "seq,time,host,action,outcome,person,account,window,serial,address,target,command,reason";

/// A table: one line an entry, times in the reader's zone.
pub(super) fn table(output: &Output, entries: &[Entry], zone: &TimeZone) -> Result<(), Failure> {
    let table = Table::new([
        "TIME", "HOST", "ACTION", "OUTCOME", "WHO", "ACCOUNT", "WINDOW", "WHAT",
    ]);
    filled(table, output, entries, zone)
}

/// Rows without a heading, for a view that goes on.
pub(super) fn rows(output: &Output, entries: &[Entry], zone: &TimeZone) -> Result<(), Failure> {
    filled(Table::without_headings(), output, entries, zone)
}

fn filled(
    mut table: Table,
    output: &Output,
    entries: &[Entry],
    zone: &TimeZone,
) -> Result<(), Failure> {
    for entry in entries {
        let time = entry.time().map(|time| {
            time.to_zoned(zone.clone())
                .strftime("%Y-%m-%d %H:%M:%S")
                .to_string()
        });
        table.inert_row(&[
            time.unwrap_or_else(|| inert(entry.text("/time")).into_owned()),
            inert(entry.text("/resource/host")).into_owned(),
            inert(entry.text("/action")).into_owned(),
            inert(entry.text("/outcome")).into_owned(),
            inert(entry.first(&["/identity/person", "/origin/address"])).into_owned(),
            inert(entry.first(&["/identity/account", "/resource/account"])).into_owned(),
            inert(entry.text("/identity/window")).into_owned(),
            entry.what(),
        ]);
    }
    output.table(&table)
}

/// JSON lines: the exact bytes of each entry; on a terminal the same values, control characters escaped.
pub(super) fn json(output: &Output, entries: &[Entry]) -> Result<(), Failure> {
    for entry in entries {
        if output.is_terminal() {
            output.line(terminal_json(&entry.bytes))?;
        } else {
            output.bytes(&entry.bytes)?;
            output.bytes(b"\n")?;
        }
    }
    Ok(())
}

/// CSV by RFC 4180, every cell inert, and none that a spreadsheet takes for a formula.
pub(super) fn csv(output: &Output, entries: &[Entry]) -> Result<(), Failure> {
    output.bytes(CSV_COLUMNS.as_bytes())?;
    output.bytes(b"\r\n")?;
    for entry in entries {
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
        output.bytes(cells.map(csv_cell).join(",").as_bytes())?;
        output.bytes(b"\r\n")?;
    }
    Ok(())
}

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
