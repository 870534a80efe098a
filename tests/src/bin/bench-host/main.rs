//! What daypass costs on a host, side by side with none of it in the same run. `cargo xtask bench host` builds the
//! optimised packages and starts it. The figures are printed and never judged: machines differ.
#![forbid(unsafe_code)]

mod ends;
mod figures;
mod many;
mod prompts;
mod scene;

use std::process::ExitCode;

use daypass_tests::Result;

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-host: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<()> {
    let site = scene::set()?;
    figures::head();
    prompts::logins(&site)?;
    prompts::sudo(&site)?;
    ends::of_windows(&site)?;
    ends::revocations(&site)?;
    many::rush(&site)?;
    many::sessions(&site)?;
    many::module(&site)
}
