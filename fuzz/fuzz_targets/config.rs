//! The three programs' settings, and the lists that the agent keeps.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    _ = daypass_agent::config::Config::parse(Path::new("agent.toml"), text);
    _ = daypass_ca::config::Config::parse(text, Path::new("ca.toml"));
    _ = daypass_collector::config::Config::parse(text, Path::new("collector.toml"));
    _ = daypass_agent::managed::Managed::parse(text);
});
