//! What rules judge: one entry, and the commands that it is about.

use std::cell::OnceCell;

use daypass_protocol::export::Source;

use super::invocation::{Invocation, invocations};

/// An entry, read once; its command is taken apart when a rule first asks.
pub(crate) struct Subject<'a> {
    source: Source<'a>,
    commands: OnceCell<Vec<Invocation>>,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(origin: &'a str, line: &'a [u8]) -> Self {
        Self {
            source: Source::new(Some(origin), line),
            commands: OnceCell::new(),
        }
    }

    pub(crate) fn source(&self) -> &Source<'a> {
        &self.source
    }

    /// All programs that the command runs; none where there is no command.
    pub(crate) fn commands(&self) -> &[Invocation] {
        self.commands.get_or_init(|| {
            let line = self.source.command_bytes();
            line.map(|line| invocations(&line)).unwrap_or_default()
        })
    }
}
