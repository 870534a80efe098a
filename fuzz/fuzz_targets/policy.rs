//! Policies as admins write them, in TOML, and as rosters carry them, in JSON.
#![no_main]

use daypass_protocol::roster::Policy;
use daypass_protocol::strict_json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(policy) = toml::from_str::<Policy>(text)
        && policy.check().is_ok()
    {
        // What `daypass policy show` writes is what `daypass policy set` reads.
        let written = toml::to_string(&policy).unwrap();
        assert_eq!(toml::from_str::<Policy>(&written).unwrap(), policy);
        let json = serde_json::to_string(&policy).unwrap();
        assert_eq!(
            strict_json::parse::<Policy>(&json, json.len()).unwrap(),
            policy
        );
    }
    if let Ok(policy) = strict_json::parse::<Policy>(text, text.len()) {
        _ = policy.check();
    }
});
