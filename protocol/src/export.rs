//! Journal entries in other people's vocabularies; `docs/formats/export.md` has the tables.
//!
//! Hosts write entries: nothing in one is trusted to be there, or of its type. Whatever a line holds, something comes
//! of it, and the exact line is part of it, so that no export says less than the journal.

pub mod ecs;
pub mod ocsf;
pub mod syslog;

mod source;

pub use source::Source;
