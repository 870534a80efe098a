//! What the audience sees: numbered steps, the commands as typed, what they answered.

use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::time::Instant;

/// A step that did not show what it had to.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<daypass_tests::Error> for Failure {
    fn from(error: daypass_tests::Error) -> Self {
        Self(error.to_string())
    }
}

/// Standard output, with the time since the curtain rose.
#[derive(Debug)]
pub(crate) struct Stage {
    start: Instant,
    steps: u32,
    colour: bool,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            start: Instant::now(),
            steps: 0,
            colour,
        }
    }

    /// One line of explanation.
    pub(crate) fn step(&mut self, text: &str) {
        self.steps += 1;
        let heading = format!(
            "[{:3} s] {:2}. {text}",
            self.start.elapsed().as_secs(),
            self.steps
        );
        if self.colour {
            say(&format!("\x1b[1m{heading}\x1b[0m"));
        } else {
            say(&heading);
        }
    }

    /// What somebody typed, and what came of it.
    pub(crate) fn shows(&self, who: &str, typed: &str, answer: &str) {
        say(&format!("           {who}$ {typed}"));
        for line in answer
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty())
        {
            say(&format!("             {line}"));
        }
    }

    /// The last line.
    pub(crate) fn end(&self) {
        say(&format!(
            "Each of the {} steps happened, in {} s.",
            self.steps,
            self.start.elapsed().as_secs()
        ));
    }
}

/// A step must show this, or the demo has failed.
pub(crate) fn must(condition: bool, what: &str, shown: &str) -> Result<(), Failure> {
    if condition {
        Ok(())
    } else {
        Err(Failure(format!("{what}; it showed:\n{shown}")))
    }
}

fn say(line: &str) {
    // A reader that went away ends nothing: the exit code still tells.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
