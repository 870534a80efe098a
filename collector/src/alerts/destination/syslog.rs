//! The machine's own syslog: one line an alert.

use std::path::PathBuf;

use syslog::{Facility, Formatter3164, LoggerBackend};

use super::{Carrier, Undelivered, outlet};
use crate::alerts::config::SyslogConfig;
use crate::alerts::rules::Severity;
use crate::outlet::{OutletError, SOCKET_PATIENCE};
use daypass_protocol::alert::Alert;

/// The socket of a syslog daemon.
pub(super) struct Syslog {
    socket: PathBuf,
    facility: Facility,
}

impl Syslog {
    pub(super) fn new(config: &SyslogConfig) -> Result<Self, OutletError> {
        Ok(Self {
            socket: config.socket.clone(),
            facility: outlet(&config.name).facility(&config.facility)?,
        })
    }
}

impl Carrier for Syslog {
    fn deliver(&self, alert: &Alert, _body: &str) -> Result<(), Undelivered> {
        let formatter = Formatter3164 {
            facility: self.facility,
            hostname: None,
            process: "daypass-collector".to_owned(),
            pid: std::process::id(),
        };
        let away = |error: syslog::Error| {
            Undelivered::Away(format!("{}: {error}", self.socket.display()), None)
        };
        // Opened each time: a syslog daemon that was restarted has a new socket.
        let mut logger = syslog::unix_custom(formatter, &self.socket).map_err(away)?;
        // A daemon that does not read must not keep the other letters waiting for ever.
        let patience = Some(SOCKET_PATIENCE);
        match &logger.backend {
            LoggerBackend::Unix(socket) => socket.set_write_timeout(patience),
            LoggerBackend::UnixStream(stream) => stream.get_ref().set_write_timeout(patience),
            LoggerBackend::Udp(..) | LoggerBackend::Tcp(_) => Ok(()),
        }
        .map_err(|error| Undelivered::Away(format!("{}: {error}", self.socket.display()), None))?;
        let line = format!(
            "alert {} {} severity={} count={} {} See: {}",
            alert.id,
            alert.rule,
            alert.severity.as_str(),
            alert.count,
            alert.text,
            alert.see
        );
        match alert.severity {
            Severity::Critical => logger.crit(line),
            Severity::High => logger.err(line),
            Severity::Medium => logger.warning(line),
            Severity::Low => logger.notice(line),
            Severity::Info => logger.info(line),
        }
        .map_err(away)
    }
}
