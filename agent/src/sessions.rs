//! Contractors' sessions: who is in, until when, and out.
//!
//! A session is what gate 3 registered: a monitor, a logind scope, an audit session, a group. It is noted under `/run`,
//! so that an agent that starts anew finds it again.

mod cgroup;
mod cut;
mod deadline;
mod end;
mod extend;
#[cfg(test)]
pub(crate) mod fixture;
mod gid;
mod grants;
mod killed;
mod leave;
mod logind;
mod narrow;
mod planted;
mod rebuild;
mod record;
mod recover;
mod registry;
mod session;
mod strangers;
mod sweep;
mod terminal;

pub use cut::cut_off;
pub use end::Cause;
pub use gid::{GidError, Gids};
pub use grants::Sudo;
pub use leave::AGAIN;
pub use logind::scope_led_by;
pub use record::{Record, RecordError, SessionId};
pub use recover::Recovered;
pub use registry::{Sessions, Setup};
pub use session::Session;
pub use strangers::end_strangers;
