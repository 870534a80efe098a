//! TLS under one root that is pinned by its hash: the halves that client, agent and CA share.
//!
//! The CA makes itself an X.509 root ([`authority`]), from it its server certificates and the hosts' client
//! certificates, and serves under them ([`server`]). Clients and hosts are given the hash of the root out of band,
//! fetch the root itself once ([`fetch`]), and from then on trust nothing else ([`client`]). No certificate store of the
//! system, no proxy from the environment, and no redirect is ever followed. What they say to an ssh-agent on their own
//! machine has one deadline for all of it ([`deadlined`]).
#![forbid(unsafe_code)]

pub mod authority;
pub mod client;
pub mod deadlined;
pub mod fetch;
pub mod request;
pub mod server;

mod encoding;
mod peer;

pub use encoding::PemError;
pub use peer::{PeerError, host_name};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use std::sync::Arc;

/// The cryptography of every connection; chosen here, so that no feature flag elsewhere changes it.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
