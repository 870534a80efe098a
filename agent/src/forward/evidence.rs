//! Whether the evidence of a contractor's sudo has left this host before the command runs.

use std::time::Duration;

use daypass_forward::{Awaited, Link};

use crate::config::Forward;

/// Nobody waits longer for a cosignature.
const PATIENCE: Duration = Duration::from_millis(250);

/// Waits for cosignatures, as the settings say.
#[derive(Clone)]
pub struct Evidence {
    link: Link,
    forward: Forward,
}

impl Evidence {
    /// Over this link.
    #[must_use]
    pub fn new(link: Link, forward: Forward) -> Self {
        Self { link, forward }
    }

    /// Waits for the cosignature of entry `seq` if that is asked for. Whether whoever waits for it may go on.
    #[must_use]
    pub fn has_left(&self, seq: u64) -> bool {
        match self.forward {
            Forward::Async => true,
            Forward::BeforeSudo => {
                // Whether or not it came: what is durable here will leave later.
                let _ = self.link.await_cosigned(seq, PATIENCE);
                true
            }
            Forward::Strict => self.link.await_cosigned(seq, PATIENCE) == Awaited::Cosigned,
        }
    }
}
