//! Hearing from the CA at once: one thread that asks for the state after the one in force, which the CA answers when
//! there is one. Where that does not work, the poller asks on its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::authority::{Authority, Onward};
use crate::poller::Line;

/// Between two questions, where the answer brought nothing new and came so soon that the CA did not wait for news, or
/// brought what was not taken over.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two questions that failed, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Brings the CA's states to the poller.
pub struct Listener {
    /// The way to the CA.
    pub line: Line,
    /// Who is told.
    pub authority: Arc<Authority>,
}

impl Listener {
    /// Listens until the agent stops. Whoever waits for that waits for the CA's answer too: nobody should.
    pub fn run(self) {
        let mut patience = PAUSE;
        loop {
            let (known, asked) = (self.authority.snapshot().state.number, Instant::now());
            let pause = match self.line.source().state_after(known) {
                Ok(signed) => {
                    let state = signed.read_unverified();
                    let is_news = state.is_ok_and(|state| state.number != known);
                    self.authority.push(signed);
                    patience = PAUSE;
                    if is_news {
                        // Until it is in force, or longer than that takes: then it was refused.
                        PAUSE
                    } else {
                        PAUSE.saturating_sub(asked.elapsed())
                    }
                }
                Err(_) => {
                    // The poller meets the same failure, and tells of it.
                    let pause = patience;
                    patience = (patience * 2).min(LONGEST_PAUSE);
                    pause
                }
            };
            if self.authority.rest(known, pause) == Onward::Stop {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
