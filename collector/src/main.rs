//! daypass-collector: takes journals in.

fn main() -> std::process::ExitCode {
    daypass_collector::cli::run(std::env::args_os())
}
