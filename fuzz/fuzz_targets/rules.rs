//! Rules for alerts, in TOML: beside the usual ones, each tried by its own examples.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use daypass_collector::alerts::rules::RuleSet;
use libfuzzer_sys::fuzz_target;

static DEFAULTS: LazyLock<RuleSet> = LazyLock::new(|| RuleSet::defaults().expect("defaults"));

fuzz_target!(|text: &str| {
    if let Ok(rules) = DEFAULTS.clone().with(text, Path::new("alerts.toml")) {
        assert!(rules.count() <= 500);
        _ = rules.wrong_examples();
    }
});
