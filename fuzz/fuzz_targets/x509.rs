//! Certificate signing requests, and certificates as the other side shows them.
#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use daypass_transport::authority::{self, Authority};
use daypass_transport::host_name;
use libfuzzer_sys::fuzz_target;
use rustls_pki_types::CertificateDer;

static AUTHORITY: LazyLock<Authority> =
    LazyLock::new(|| Authority::create("fuzz", now()).expect("a root"));

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_428_000)
}

fuzz_target!(|bytes: &[u8]| {
    _ = host_name(Some(&[CertificateDer::from(bytes)]));
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(certificate) = AUTHORITY.issue_host(text, "db1", now()) {
        // Whatever was asked for, the name is ours.
        let leaf = authority::expires(&certificate).expect("a certificate");
        assert!(leaf > now());
        assert!(authority::is_issued_by(&certificate, AUTHORITY.certificate()).expect("ours"));
    }
    _ = AUTHORITY.issue_collector(text, &["log.example.org".to_owned()], now());
    _ = authority::root_hash(text);
    _ = authority::expires(text);
    _ = authority::is_issued_by(text, AUTHORITY.certificate());
});
