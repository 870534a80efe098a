//! The demo: daypass's main job on throwaway hosts, step by step. `cargo xtask demo` builds and starts it.
#![forbid(unsafe_code)]

mod stage;
mod story;

fn main() -> std::process::ExitCode {
    story::play(std::env::args_os().skip(1))
}
