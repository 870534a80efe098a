//! A bar on the terminal while something long runs; nothing at all where there is no terminal.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Columns of the bar itself.
const WIDTH: u64 = 30;

/// What is done sooner needs no bar.
const PATIENCE: Duration = Duration::from_millis(300);

/// Between two drawings.
const EVERY: Duration = Duration::from_millis(100);

/// A bar on standard error. Dropped, it is gone from the screen.
pub struct Progress {
    what: &'static str,
    began: Instant,
    drawn: Option<Instant>,
    is_terminal: bool,
}

impl Progress {
    /// A bar for what takes as many bytes as it says.
    #[must_use]
    pub fn new(what: &'static str) -> Self {
        Self {
            what,
            began: Instant::now(),
            drawn: None,
            is_terminal: io::stderr().is_terminal(),
        }
    }

    /// So many bytes of so many are done.
    pub fn at(&mut self, done: u64, of: u64) {
        let waited = self
            .drawn
            .map_or(self.began.elapsed() >= PATIENCE, |drawn| {
                drawn.elapsed() >= EVERY
            });
        if !(self.is_terminal && waited) {
            return;
        }
        self.drawn = Some(Instant::now());
        // A terminal that is gone misses nothing.
        let _ = write!(io::stderr(), "\r{}", line(self.what, done, of));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            // Carriage return, and erase to the end of the line.
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}

fn line(what: &str, done: u64, of: u64) -> String {
    let (done, of) = (done.min(of), of.max(1));
    let share = |whole: u64| u64::try_from(u128::from(done) * u128::from(whole) / u128::from(of));
    let (filled, percent) = (share(WIDTH).unwrap_or(WIDTH), share(100).unwrap_or(100));
    let mut text = format!("{what} [");
    for column in 0..WIDTH {
        text.push(if column < filled { '#' } else { '.' });
    }
    let mib = |bytes: u64| bytes / (1024 * 1024);
    let _ = write!(text, "] {percent:3} % of {} MiB", mib(of));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_from_left_to_right() {
        let mib = 1024 * 1024;
        assert_eq!(
            line("verifying", 10 * mib, 20 * mib),
            format!(
                "verifying [{}{}]  50 % of 20 MiB",
                "#".repeat(15),
                ".".repeat(15)
            )
        );
        assert!(line("verifying", 0, 0).contains("  0 % of 0 MiB"));
        assert!(line("verifying", 9, 3).contains("100 %"));
        assert!(line("verifying", u64::MAX, u64::MAX).contains("100 %"));
    }
}
