//! What can be wrong with rules, and with their examples.

use std::path::PathBuf;

use daypass_protocol::hours::UnknownZone;

use super::LONGEST_FILE;

/// Why rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The file could not be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// More than rules ever need.
    #[error("{} is longer than {LONGEST_FILE} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// No TOML of this shape; the source names line, column and key.
    #[error("{} holds no rules that can be used:\n{source}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The parser's message.
        source: Box<toml::de::Error>,
    },
    /// A value that cannot work.
    #[error("{}: rule {rule:?}: {reason}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Which rule, cut after 64 characters.
        rule: String,
        /// What is wrong, and what would be right.
        reason: &'static str,
    },
    /// A schedule in no zone of this machine.
    #[error("{}: {source}", path.display())]
    Zone {
        /// The file.
        path: PathBuf,
        /// Which zone.
        source: UnknownZone,
    },
    /// A rule that is turned off and does not exist.
    #[error("{}: disable names {name:?}, and there is no such rule; daypass-collector alerts defaults prints them", path.display())]
    NotThere {
        /// The file.
        path: PathBuf,
        /// The name, cut after 64 characters.
        name: String,
    },
}

/// An example that turned out otherwise.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WrongExample {
    /// Nothing shows when the rule fires, or when not.
    #[error("rule {rule:?} has no example {which}; give it one, so that others see what it is for")]
    Missing {
        /// Which rule.
        rule: String,
        /// `for which it fires` or `that passes`.
        which: &'static str,
    },
    /// It should fire.
    #[error("rule {rule:?} does not fire for {example}")]
    Silent {
        /// Which rule.
        rule: String,
        /// The example.
        example: String,
    },
    /// It should not.
    #[error("rule {rule:?} fires for {example}, which should pass")]
    Loud {
        /// Which rule.
        rule: String,
        /// The example.
        example: String,
    },
}
