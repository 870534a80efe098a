//! What sshd runs as `AuthorizedPrincipalsCommand`: prints the window's id, or nothing.

#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use pam_daypass::principals::{principal, question};

fn main() -> ExitCode {
    match question(std::env::args_os().skip(1)).and_then(|request| principal(&request)) {
        Ok(Some(window)) if writeln!(std::io::stdout(), "{window}").is_err() => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "daypass-principals: {error}");
            ExitCode::FAILURE
        }
    }
}
