//! Whose journal it is: what the forwarder asks of its program, and tells it.

use std::error::Error;
use std::time::Duration;

use daypass_protocol::token::CaUrl;
use daypass_transport::client::Client;

use crate::link::Status;
use crate::trouble::{Contradiction, Trouble};

/// Why a program has no client for a collector.
pub type ClientError = Box<dyn Error + Send + Sync>;

/// The program that writes the journal. Its answers are given on the forwarder's thread.
pub trait Owner: Send {
    /// A client for the collector at `url` ([`Client::lasting`]) that shows the program's newest certificate; asked for
    /// at each new connection.
    ///
    /// # Errors
    /// What keeps the program from it.
    fn client(&self, url: &CaUrl) -> Result<Client, ClientError>;

    /// Keeps a cosignature in the journal, as `Writer::append_witness` does.
    ///
    /// # Errors
    /// As there.
    fn keep(&self, note: &str) -> Result<(), daypass_journal::Error>;

    /// Something that a person might want to know.
    fn tell(&self, notice: &Notice<'_>);

    /// The status may be another than before; about once a second at most, and when contact is made or lost.
    fn changed(&self, status: &Status);

    /// How long what was written may wait for more before it is sent: none where somebody waits for its cosignature.
    fn gathers(&self) -> Duration {
        Duration::ZERO
    }
}

/// What the forwarder tells. Of several failures in a row of one kind only the first is told.
#[derive(Debug)]
pub enum Notice<'a> {
    /// A collector takes the journal: for the first time, or again.
    Connected {
        /// Where it answers.
        url: &'a CaUrl,
        /// How many entries it holds.
        held: u64,
        /// How many there are.
        ours: u64,
    },
    /// It does not, for now.
    Away {
        /// Where it should answer.
        url: &'a CaUrl,
        /// Why.
        trouble: &'a Trouble,
    },
    /// An alarm: nothing more is forwarded until the program starts anew or other collectors are named.
    Contradicted {
        /// The collector.
        url: &'a CaUrl,
        /// What was found.
        found: &'a Contradiction,
    },
}
