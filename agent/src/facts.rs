//! What the kernel says about who asks. The message says what is wanted, never who wants it.

mod census;
mod command_line;
mod connection;
mod kinship;
mod peer;
mod process;
pub mod reading;
mod stamps;

pub use census::{Census, Censuses};
pub use command_line::CommandLine;
pub use connection::{Endpoint, connection_of};
pub use kinship::Kinship;
pub use peer::{Peer, PeerError};
pub use process::{
    FactError, Handle, Ids, Process, TICKS_PER_SECOND, descendants, pids, since_boot,
    ticks_since_boot,
};
pub use stamps::{pass_stamp, stamp_now};
