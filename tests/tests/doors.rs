//! Who gets in, and who does not: one company, one row after another, each on the real sshd and sudo.

#[path = "doors/certificates.rs"]
mod certificates;
#[path = "doors/collector.rs"]
mod collector;
#[path = "doors/crowd.rs"]
mod crowd;
#[path = "doors/doctor.rs"]
mod doctor;
#[path = "doors/ends.rs"]
mod ends;
#[path = "doors/entries.rs"]
mod entries;
#[path = "doors/escapes.rs"]
mod escapes;
#[path = "doors/failures.rs"]
mod failures;
#[path = "doors/glass.rs"]
mod glass;
#[path = "doors/journal.rs"]
mod journal;
#[path = "doors/memory.rs"]
mod memory;
#[path = "doors/others.rs"]
mod others;
#[path = "doors/planted.rs"]
mod planted;
#[path = "doors/revocations.rs"]
mod revocations;
#[path = "doors/rules.rs"]
mod rules;
#[path = "doors/side_doors.rs"]
mod side_doors;
#[path = "doors/stuck.rs"]
mod stuck;
#[path = "doors/sudo.rs"]
mod sudo;
#[path = "doors/sudo_rs.rs"]
mod sudo_rs;
#[path = "doors/windows.rs"]
mod windows;

use std::process::ExitCode;
use std::sync::Arc;

use daypass_tests::{BOB, Result, Site};
use libtest_mimic::{Arguments, Failed, Trial};

/// A row of the table: its sentence, and what shows it.
struct Row {
    name: &'static str,
    shown: Shown,
}

type Shown = Box<dyn Fn(&Site) -> Result<()> + Send>;

/// Rows that are written out one by one.
type Rows = [(&'static str, fn(&Site) -> Result<()>)];

fn row(name: &'static str, shown: impl Fn(&Site) -> Result<()> + Send + 'static) -> Row {
    let shown = Box::new(shown);
    Row { name, shown }
}

/// What is asked for by `DAYPASS_TEST_ROWS`: all there is, or, where it says `release`, what another sshd, sudo or PAM
/// may answer differently.
fn rows() -> Box<dyn Iterator<Item = Row>> {
    match std::env::var("DAYPASS_TEST_ROWS").as_deref() {
        Ok("release") => Box::new(rows_of_the_release()),
        _ => Box::new(all_rows()),
    }
}

fn rows_of_the_release() -> impl Iterator<Item = Row> {
    let written = [
        windows::ROWS,
        certificates::ROWS,
        sudo::ROWS,
        rules::ROWS,
        side_doors::ROWS,
    ];
    let written = written.into_iter().flatten();
    written
        .map(|(name, shown)| row(name, shown))
        .chain(sudo_rs::rows())
}

fn all_rows() -> impl Iterator<Item = Row> {
    let written = [
        windows::ROWS,
        certificates::ROWS,
        ends::ROWS,
        planted::ROWS,
        escapes::ROWS,
        sudo::ROWS,
        rules::ROWS,
        collector::ROWS,
        journal::ROWS,
        revocations::ROWS,
        others::ROWS,
        side_doors::ROWS,
        glass::ROWS,
        doctor::ROWS,
        memory::ROWS,
        stuck::ROWS,
    ];
    let written = written.into_iter().flatten();
    written
        .map(|(name, shown)| row(name, shown))
        .chain(failures::rows())
        .chain(sudo_rs::rows())
        // What a crowd leaves in the journal is more than the disks of the rows before would hold.
        .chain(crowd::ROWS.iter().map(|(name, shown)| row(name, shown)))
        .chain(entries::ROWS.iter().map(|(name, shown)| row(name, shown)))
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Rows share the company; most boots of machines are saved, and none disturbs another.
    arguments.test_threads = Some(1);
    let is_asked_for = |row: &Row| {
        let word = arguments.filter.as_deref().unwrap_or_default();
        row.name.contains(word)
    };
    // Without a row to play there is no company to found.
    if arguments.list || !rows().any(|row| is_asked_for(&row)) {
        let trials = rows().map(|row| Trial::test(row.name, || Ok(()))).collect();
        return libtest_mimic::run(&arguments, trials).exit_code();
    }
    let site = match found() {
        Ok(site) => Arc::new(site),
        Err(error) => {
            eprintln!("the company could not be founded: {error}");
            return ExitCode::FAILURE;
        }
    };
    let trials = rows()
        .map(|row| {
            let site = Arc::clone(&site);
            Trial::test(row.name, move || {
                (row.shown)(&site).map_err(|error| Failed::from(error.to_string()))
            })
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Two managed hosts, a third that enrolled and manages nobody, and people who are none of daypass's business.
fn found() -> Result<Site> {
    let site = Site::with_managed(&["db1", "db2"])?;
    others::settle(&site)?;
    site.let_people_ask_often()?;
    site.await_reader(BOB)?;
    Ok(site)
}
