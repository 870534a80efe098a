//! `cargo xtask`: one command for every chore.
#![forbid(unsafe_code)]

mod chores;

fn main() -> std::process::ExitCode {
    chores::main()
}
