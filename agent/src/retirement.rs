//! An ephemeral host goes for good: its journal is closed and has got out, the CA takes it out.

use daypass_protocol::api::{Retired, Retirement};
use daypass_transport::client::{self, Request};

use crate::enrolment::{self, Enrolment};
use crate::layout::Layout;

/// Why the CA still knows this host.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The papers.
    #[error(transparent)]
    Enrolment(#[from] enrolment::Error),
    /// No connection.
    #[error(transparent)]
    Setup(#[from] client::SetupError),
    /// The CA refused, or does not answer.
    #[error(transparent)]
    Call(#[from] client::Error),
}

/// Has the CA take this host out, whose journal has so many entries and no more.
///
/// # Errors
/// See [`enum@Error`]; then the host is missed, as any other that is gone.
pub fn retire(layout: &Layout, entries: u64) -> Result<(), Error> {
    let client = Enrolment::load(layout)?.client()?;
    // A number: this cannot fail.
    let body = serde_json::to_vec(&Retirement { entries }).unwrap_or_default();
    let _: Retired = client.call(&Request::post("/v1/hosts/retire", &body))?;
    Ok(())
}
