//! Where events go that the journal did not take: syslog, and the unit's own log.

use std::io::{self, Write as _};

use syslog::{Facility, Formatter3164};

/// Writes one line to syslog's authpriv, and to standard error, which systemd keeps. A line that
/// nobody takes is lost; there is no third place.
pub fn tell(line: &str) {
    let formatter = Formatter3164 {
        facility: Facility::LOG_AUTHPRIV,
        hostname: None,
        process: "daypass-agent".to_owned(),
        pid: std::process::id(),
    };
    // Opened each time: a syslog daemon that was restarted has a new socket.
    if let Ok(mut logger) = syslog::unix(formatter) {
        let _ = logger.warning(line);
    }
    let _ = writeln!(io::stderr().lock(), "{line}");
}
