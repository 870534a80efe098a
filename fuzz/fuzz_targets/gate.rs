//! The few words between PAM module, helper and agent.
#![no_main]

use daypass_gate::frame::read_frame;
use daypass_gate::managed::ManagedAccounts;
use daypass_gate::request::Request;
use daypass_gate::response::Response;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = Request::decode(bytes) {
        assert_eq!(request.encode().unwrap(), bytes);
    }
    if let Ok(response) = Response::decode(bytes) {
        assert_eq!(response.encode().unwrap(), bytes);
    }
    _ = read_frame(&mut &*bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        _ = ManagedAccounts::parse(text);
    }
});
