//! What rules judge: one entry, and the commands that it is about.

use std::cell::OnceCell;

use daypass_protocol::export::Source;
use daypass_protocol::rule::Judged;

use super::invocation::{Invocation, Invocations, invocations, invocations_of_sudo};

/// An entry, read once; its command is taken apart when a rule first asks.
pub(crate) struct Subject<'a> {
    source: Source<'a>,
    /// When it came in, in microseconds since 1970, where that is known.
    arrived: Option<i64>,
    commands: OnceCell<Invocations>,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(origin: &'a str, line: &'a [u8]) -> Self {
        Self {
            source: Source::new(Some(origin), line),
            arrived: None,
            commands: OnceCell::new(),
        }
    }

    /// The same, known to have come in then.
    pub(crate) fn arrived(self, micros: i64) -> Self {
        Self {
            arrived: Some(micros),
            ..self
        }
    }

    /// When it happened: by its writer's clock, but not after it came in; 0 where nobody knows. A clock that is ahead, or set
    /// ahead, moves nothing into the future.
    pub(crate) fn micros(&self) -> i64 {
        match (self.source.micros(), self.arrived) {
            (Some(written), Some(arrived)) => written.min(arrived),
            (written, arrived) => written.or(arrived).unwrap_or_default(),
        }
    }

    /// When it came in; by its writer's clock where that is not known.
    pub(crate) fn came(&self) -> i64 {
        self.arrived.unwrap_or_else(|| self.micros())
    }

    /// Whose journal it stands in, whichever life of it.
    pub(crate) fn writer(&self) -> &str {
        writer_of(self.source.origin().unwrap_or_default())
    }

    pub(crate) fn source(&self) -> &Source<'a> {
        &self.source
    }

    /// All programs that the command runs; none where there is no command.
    pub(crate) fn commands(&self) -> &[Invocation] {
        &self.invocations().programs
    }

    /// Whether the command is nested deeper, runs more, or was longer than could be looked at.
    pub(crate) fn goes_on(&self) -> bool {
        self.is_cut() || self.invocations().goes_on
    }

    /// The entry keeps only the beginning.
    fn is_cut(&self) -> bool {
        let whole = self.source.value("/command/length");
        let whole = whole.and_then(serde_json::Value::as_u64);
        let kept = self.source.command_bytes().unwrap_or_default().len() as u64;
        whole.is_some_and(|whole| whole > kept)
    }

    fn invocations(&self) -> &Invocations {
        self.commands.get_or_init(|| {
            let Some(line) = self.source.command_bytes() else {
                return Invocations::default();
            };
            // What a call of sudo calls itself is its caller's choice.
            match self.source.action().starts_with("sudo.") {
                true => invocations_of_sudo(&line),
                false => invocations(&line),
            }
        })
    }
}

impl Judged for Subject<'_> {
    fn source(&self) -> &Source<'_> {
        self.source()
    }

    fn commands(&self) -> &[Invocation] {
        self.commands()
    }

    fn goes_on(&self) -> bool {
        self.goes_on()
    }
}

/// An origin without its incarnation.
pub(crate) fn writer_of(origin: &str) -> &str {
    origin.rsplit_once('/').map_or(origin, |(writer, _)| writer)
}
