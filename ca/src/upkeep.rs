//! What the CA does every minute by itself: the state signed afresh, invitations forgotten and keys and certificates renewed when
//! their time has come.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum_server::tls_rustls::RustlsConfig;

use crate::authority::Authority;
use crate::layout::Layout;
use crate::passphrase::Passphrase;
use crate::tls::{self, Renewal, TlsError};

/// How often the state is signed afresh.
const EVERY: Duration = Duration::from_secs(60);

/// What it takes.
pub struct Upkeep {
    /// The CA.
    pub authority: Arc<Authority>,
    /// Where its files are.
    pub layout: Layout,
    /// The names in the server's certificate.
    pub names: Vec<String>,
    /// What the server shows.
    pub certificate: RustlsConfig,
    /// Where the passphrase of the key files is, if not with systemd: once a year there is a new one.
    pub passphrase_file: Option<PathBuf>,
}

impl Upkeep {
    /// Does it every minute, until the task is aborted.
    pub async fn run(self) {
        let upkeep = Arc::new(self);
        let mut minute = tokio::time::interval(EVERY);
        loop {
            minute.tick().await;
            let upkeep = Arc::clone(&upkeep);
            let done = tokio::task::spawn_blocking(move || upkeep.once());
            // A panic in there was printed; the next minute tries again.
            let _ = done.await;
        }
    }

    /// Does it once. What fails is logged, keeps nothing else from being done, and is tried again.
    pub fn once(&self) {
        let authority = &self.authority;
        // Before the state, which the next key then signs.
        logged(
            authority.renew_state_key(|| Passphrase::unasked(self.passphrase_file.as_deref())),
            "the state key has signed for a year, and the next one does not take its place",
        );
        logged(authority.announce(), "the state could not be signed afresh");
        logged(
            authority.mark_records(),
            "the mark up to which certificates are in the database stays behind",
        );
        logged(
            authority.sweep_invitations(),
            "invitations that are out of time are still in the database",
        );
        logged(
            self.renew_certificate(),
            "the server's certificate could not be renewed",
        );
    }

    fn renew_certificate(&self) -> Result<(), TlsError> {
        let (authority, layout) = (&self.authority, &self.layout);
        let renewed = tls::renew(
            authority.x509(),
            layout,
            &self.names,
            authority.now().into(),
        )?;
        if renewed == Renewal::Renewed {
            let config = tls::config(&authority.x509_roots(), layout)?;
            self.certificate.reload_from_config(config);
            tracing::info!("the server's certificate was renewed");
        }
        Ok(())
    }
}

fn logged<T, E: std::error::Error + 'static>(done: Result<T, E>, what: &'static str) {
    if let Err(error) = done {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "{what}");
    }
}
