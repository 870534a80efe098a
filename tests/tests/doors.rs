//! Who gets in, and who does not: one company, one row after another, each on the real sshd and sudo.

#[path = "doors/certificates.rs"]
mod certificates;
#[path = "doors/collector.rs"]
mod collector;
#[path = "doors/ends.rs"]
mod ends;
#[path = "doors/journal.rs"]
mod journal;
#[path = "doors/others.rs"]
mod others;
#[path = "doors/revocations.rs"]
mod revocations;
#[path = "doors/windows.rs"]
mod windows;

use std::process::ExitCode;
use std::sync::Arc;

use daypass_tests::{BOB, Result, Site};
use libtest_mimic::{Arguments, Failed, Trial};

/// A row of the table: its sentence, and what shows it.
type Row = (&'static str, fn(&Site) -> Result<()>);

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Rows share the company; most boots of machines are saved, and none disturbs another.
    arguments.test_threads = Some(1);
    let rows = [
        windows::ROWS,
        certificates::ROWS,
        ends::ROWS,
        collector::ROWS,
        journal::ROWS,
        others::ROWS,
        revocations::ROWS,
    ]
    .concat();
    if arguments.list {
        let trials = rows
            .into_iter()
            .map(|(name, _)| Trial::test(name, || Ok(())))
            .collect();
        return libtest_mimic::run(&arguments, trials).exit_code();
    }
    let site = match found() {
        Ok(site) => Arc::new(site),
        Err(error) => {
            eprintln!("the company could not be founded: {error}");
            return ExitCode::FAILURE;
        }
    };
    let trials = rows
        .into_iter()
        .map(|(name, row)| {
            let site = Arc::clone(&site);
            Trial::test(name, move || {
                row(&site).map_err(|error| Failed::from(error.to_string()))
            })
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Two managed hosts, a third that enrolled and manages nobody, and people who are none of daypass's business.
fn found() -> Result<Site> {
    let site = Site::with_managed(&["db1", "db2"])?;
    others::settle(&site)?;
    site.await_reader(BOB)?;
    Ok(site)
}
