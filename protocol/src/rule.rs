//! When a rule holds for an entry: the words that the collector's alerts (`docs/formats/alerts.md`) and a host's own rules
//! share.

mod command;
mod condition;
mod pattern;

pub use condition::{Condition, Field};

use crate::export::Source;
use crate::invocation::Invocation;

/// What rules judge: one entry, and the commands that it is about.
pub trait Judged {
    /// The entry.
    fn source(&self) -> &Source<'_>;

    /// All programs that its command runs; none where there is no command.
    fn commands(&self) -> &[Invocation];

    /// Whether there is more to the command than could be looked at.
    fn goes_on(&self) -> bool;
}
