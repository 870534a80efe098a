//! The one place that everything is written through.

mod changes;
mod columns;
pub mod inert;
mod progress;
mod table;

use std::io::{self, BufRead as _, IsTerminal as _, Write};

use serde::Serialize;

use crate::diagnostic::Failure;
pub(crate) use changes::changes;
pub use columns::Columns;
pub use progress::Progress;
pub use table::Table;

/// How a command's result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For reading.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// The option `-o`, shared by the commands that have a result to show.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct FormatOption {
    /// How to write the result
    #[arg(
        short = 'o',
        long = "output",
        value_name = "FORMAT",
        default_value = "table"
    )]
    pub format: Format,
}

/// The option `--yes`, shared by the commands that give something away with a signature.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Consent {
    /// Sign without asking
    #[arg(short = 'y', long)]
    yes: bool,
}

impl Consent {
    /// Whether it was said on the command line, and nobody is asked.
    pub fn is_given(self) -> bool {
        self.yes
    }

    /// Whether the person wants it: said on the command line, or asked now.
    pub fn given(self, question: &str) -> Result<(), Failure> {
        if self.yes || confirmed(question)? {
            Ok(())
        } else {
            Err(Failure::NotConfirmed)
        }
    }
}

/// Standard output, and what is known about it.
#[derive(Debug)]
pub struct Output {
    terminal: bool,
}

impl Output {
    /// The process's own.
    pub fn standard() -> Self {
        Self {
            terminal: io::stdout().is_terminal(),
        }
    }

    /// Whether somebody looks at a terminal, where control characters act.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// How wide a table may be; unlimited where nobody looks.
    pub fn is_wide(&self) -> bool {
        !self.terminal
    }

    /// Writes one line of text that is already inert.
    pub fn line(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        self.bytes(text.as_ref().as_bytes())?;
        self.bytes(b"\n")
    }

    /// Writes exact bytes.
    pub fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        io::stdout()
            .lock()
            .write_all(bytes)
            .map_err(Failure::Output)
    }

    /// Writes a value as indented JSON; on a terminal, control characters in it are escaped as JSON escapes them.
    pub fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text =
            serde_json::to_string_pretty(value).map_err(|source| Failure::Output(source.into()))?;
        if self.terminal {
            self.line(inert::inert_json(&text))
        } else {
            self.line(text)
        }
    }

    /// Writes a table.
    pub fn table(&self, table: &Table) -> Result<(), Failure> {
        self.line(table.text(self))
    }
}

/// Says something to the person beside the result: on standard error.
pub fn note(text: impl AsRef<str>) {
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(io::stderr().lock(), "{}", text.as_ref());
}

/// Asks on the terminal, and takes only a clear yes for one.
pub fn confirmed(question: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::NobodyToAsk);
    }
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question} [y/N] ")
        .and_then(|()| stderr.flush())
        .map_err(Failure::Output)?;
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(Failure::Output)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes"))
}
