//! Throwaway Debian hosts for the end-to-end tests and the demo.
//!
//! Each host is a real Debian with systemd as its first process, real sshd, sudo and cron, in a
//! container of `systemd-nspawn`. Its root is an overlay on one cached `mmdebstrap` root, its disk a
//! tmpfs, its network a namespace of its own plugged into a bridge that no other run can see. What a
//! test starts is gone when its [`Network`] is dropped; what a crashed test left behind is
//! collected by the next one that starts.
//!
//! ```no_run
//! use daypass_tests::Network;
//!
//! # fn main() -> daypass_tests::Result<()> {
//! let network = Network::of(["laptop", "db1"])?;
//! let laptop = network.host("laptop")?;
//! laptop.add_user("alice")?;
//! laptop.user("alice", ["ping", "-c1", "db1"]).ok()?;
//! network.cut("db1")?;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod cgroup;
mod command;
mod error;
mod host;
mod limits;
mod lock;
mod machine;
mod network;
mod outside;
mod release;
mod root;
mod run;
mod running;
mod site;
mod wait;

pub use command::{Command, Output};
pub use error::{Error, Result};
pub use host::{Frozen, Host, write_to};
pub use network::{Network, Plan};
pub use outside::{Tool, require_root, require_tools};
pub use release::Release;
pub use root::{Root, RootKind};
pub use running::Running;
pub use site::{
    ALICE, BOB, CAROL, COLLECTOR_URL, Forger, Forgery, MALLORY, Packages, Papers, Person, SOON,
    Site, Verification, Wish,
};
pub use wait::until;
