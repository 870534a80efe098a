//! The command `daypass`. Everything it does is in the library beside this file.

use std::process::ExitCode;

fn main() -> ExitCode {
    daypass_cli::run(std::env::args_os())
}
