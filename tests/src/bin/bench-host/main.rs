//! What daypass costs on a host, side by side with none of it in the same run. `cargo xtask bench host` builds the
//! optimised packages and starts it; started with names of parts, it measures those alone. The figures are printed and never judged: machines differ.
#![forbid(unsafe_code)]

mod ends;
mod figures;
mod log_server;
mod many;
mod prompts;
mod scene;

use std::process::ExitCode;

use daypass_tests::{Result, Site};

/// What is measured, by name.
type Part = (&'static str, fn(&Site) -> Result<()>);
const PARTS: [Part; 7] = [
    ("logins", prompts::logins),
    ("sudo", prompts::sudo),
    ("windows", ends::of_windows),
    ("revocations", ends::revocations),
    ("rush", many::rush),
    ("sessions", many::sessions),
    ("module", many::module),
];

fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    match measure(&asked) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-host: {error}");
            ExitCode::FAILURE
        }
    }
}

/// All parts, or those that are asked for.
fn measure(asked: &[String]) -> Result<()> {
    let site = scene::set()?;
    figures::head();
    let is_asked = |(name, _): &&Part| asked.is_empty() || asked.iter().any(|word| word == name);
    PARTS
        .iter()
        .filter(is_asked)
        .try_for_each(|(_, part)| part(&site))
}
