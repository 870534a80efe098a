//! The collector as hosts and people meet it: over loopback, with real mTLS and journals that the journal crate wrote.

mod alarms;
mod alerts;
mod ca_door;
#[path = "../../../protocol/tests/protocol/schema/checker.rs"]
mod checker;
mod declared;
mod evidence;
mod exports;
mod first_word;
mod forwarding;
mod full_disk;
mod host;
mod hostile;
mod killed;
mod link;
mod lost;
mod machine;
mod metrics;
mod openapi;
mod proxy;
mod receiver;
mod refusals;
mod restart;
mod restored;
mod roles;
mod rosters;
mod rsyslog;
mod search;
mod sessions;
mod setup;
mod site;
mod store;
mod takeover;
mod throwaway;
mod witness;
