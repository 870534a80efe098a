//! Old segments of the CA's journal go when the configuration says so: looked at every hour.

use std::sync::Arc;

use daypass_journal::retention::{EVERY, Policy};

use crate::authority::Authority;

/// Looks until it is aborted.
pub async fn run(authority: Arc<Authority>, policy: Policy) {
    loop {
        let (asked, what) = (Arc::clone(&authority), policy.clone());
        let retired = tokio::task::spawn_blocking(move || asked.retire(&what)).await;
        match retired {
            Ok(Ok(Some(retired))) => tracing::info!(
                segments = retired.segments,
                freed = retired.freed,
                "old segments of the journal are retired"
            ),
            Ok(Ok(None)) | Err(_) => {}
            Ok(Err(error)) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "old segments of the journal stay"
            ),
        }
        tokio::time::sleep(EVERY).await;
    }
}
