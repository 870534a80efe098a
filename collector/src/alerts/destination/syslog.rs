//! The machine's own syslog: one line an alert.

use std::path::PathBuf;

use syslog::{Facility, Formatter3164};

use super::{Carrier, DestinationError, Undelivered};
use crate::alerts::config::SyslogConfig;
use crate::alerts::rules::Severity;
use daypass_protocol::alert::Alert;

/// The socket of a syslog daemon.
pub(super) struct Syslog {
    socket: PathBuf,
    facility: Facility,
}

impl Syslog {
    pub(super) fn new(config: &SyslogConfig) -> Result<Self, DestinationError> {
        let facility = config.facility.parse().map_err(|()| DestinationError::Unfit {
            name: config.name.clone(),
            reason: format!(
                "no facility of syslog is called {:?}; authpriv, daemon and local0 to local7 are some",
                config.facility.chars().take(32).collect::<String>()
            ),
        })?;
        Ok(Self {
            socket: config.socket.clone(),
            facility,
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
