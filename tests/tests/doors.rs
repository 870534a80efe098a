//! Who gets in, and who does not: row after row, each on the real sshd and sudo of a whole company.

#[path = "doors/accounts.rs"]
mod accounts;
#[path = "doors/authority.rs"]
mod authority;
#[path = "doors/barred.rs"]
mod barred;
#[path = "doors/certificates.rs"]
mod certificates;
#[path = "doors/collector.rs"]
mod collector;
#[path = "doors/companies.rs"]
mod companies;
#[path = "doors/crowd.rs"]
mod crowd;
#[path = "doors/directories.rs"]
mod directories;
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
#[path = "doors/inside.rs"]
mod inside;
#[path = "doors/journal.rs"]
mod journal;
#[path = "doors/known_elsewhere.rs"]
mod known_elsewhere;
#[path = "doors/limits.rs"]
mod limits;
#[path = "doors/memory.rs"]
mod memory;
#[path = "doors/newcomers.rs"]
mod newcomers;
#[path = "doors/numbers.rs"]
mod numbers;
#[path = "doors/others.rs"]
mod others;
#[path = "doors/phases.rs"]
mod phases;
#[path = "doors/planted.rs"]
mod planted;
#[path = "doors/restarts.rs"]
mod restarts;
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
#[path = "doors/sudo_settings.rs"]
mod sudo_settings;
#[path = "doors/tunnels.rs"]
mod tunnels;
#[path = "doors/waits.rs"]
mod waits;
#[path = "doors/ways_in.rs"]
mod ways_in;
#[path = "doors/windows.rs"]
mod windows;

use std::process::ExitCode;
use std::sync::Arc;

use companies::{Companies, Place};
use daypass_tests::{Result, Site};
use libtest_mimic::{Arguments, Failed, Trial};

/// A row of the table: its sentence, and what shows it.
struct Row {
    name: &'static str,
    place: Place,
    shown: Shown,
}

type Shown = Box<dyn Fn(&Site) -> Result<()> + Send>;

/// Rows that are written out one by one.
type Rows = [(&'static str, fn(&Site) -> Result<()>)];

fn row(name: &'static str, shown: impl Fn(&Site) -> Result<()> + Send + 'static) -> Row {
    Row {
        name,
        place: Place::Anywhere,
        shown: Box::new(shown),
    }
}

fn rows() -> impl Iterator<Item = Row> {
    let written = [
        windows::ROWS,
        ways_in::ROWS,
        certificates::ROWS,
        ends::ROWS,
        restarts::ROWS,
        planted::ROWS,
        escapes::ROWS,
        sudo::ROWS,
        sudo_settings::ROWS,
        rules::ROWS,
        collector::ROWS,
        journal::ROWS,
        revocations::ROWS,
        authority::ROWS,
        others::ROWS,
        barred::ROWS,
        newcomers::ROWS,
        side_doors::ROWS,
        glass::ROWS,
        doctor::ROWS,
        memory::ROWS,
        phases::ROWS,
        limits::ROWS,
        accounts::ROWS,
        stuck::ROWS,
        directories::ROWS,
        known_elsewhere::ROWS,
        numbers::ROWS,
        tunnels::ROWS,
        waits::ROWS,
    ];
    written
        .into_iter()
        .flat_map(written_out)
        .chain(failures::rows())
        .chain(sudo_rs::rows())
        .chain(written_out(revocations::BY_THE_CLOCK).map(|row| row.at(Place::Alone)))
        // What a crowd leaves in the journal is more than the disks of the rows before would hold.
        .chain(written_out(crowd::ROWS).map(|row| row.at(Place::Alone)))
        .chain(written_out(entries::ROWS).map(|row| row.at(Place::Everywhere)))
}

fn written_out(rows: &'static Rows) -> impl Iterator<Item = Row> {
    rows.iter().map(|(name, shown)| row(name, shown))
}

impl Row {
    fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let is_asked_for = |row: &Row| {
        let word = arguments.filter.as_deref().unwrap_or_default();
        row.name.contains(word)
    };
    let asked_for = rows().filter(is_asked_for).count();
    // Without a row to play there is no company to found.
    if arguments.list || asked_for == 0 {
        let trials = rows().map(|row| Trial::test(row.name, || Ok(()))).collect();
        return libtest_mimic::run(&arguments, trials).exit_code();
    }
    // As many rows at a time as there are companies.
    let count = arguments.test_threads.unwrap_or(1).clamp(1, asked_for);
    arguments.test_threads = Some(count);
    let companies = match Companies::found(count) {
        Ok(companies) => Arc::new(companies),
        Err(error) => {
            eprintln!("the companies could not be founded: {error}");
            return ExitCode::FAILURE;
        }
    };
    let trials = rows()
        .map(|row| {
            let companies = Arc::clone(&companies);
            Trial::test(row.name, move || {
                let played = companies.play(row.place, &row.shown);
                played.map_err(|error| Failed::from(error.to_string()))
            })
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
