//! daypass-ca: the certificate authority.

fn main() -> std::process::ExitCode {
    daypass_ca::cli::run(std::env::args_os())
}
