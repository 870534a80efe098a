//! daypass-server: CA and collector on one machine.

fn main() -> std::process::ExitCode {
    daypass_server::cli::run(std::env::args_os())
}
