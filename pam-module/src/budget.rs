//! How long one PAM transaction may wait for the agent, over all its phases.

use std::time::Duration;

use crate::decide::Standing;

/// What a managed account may wait in all.
pub(crate) const GUARDED: Duration = Duration::from_secs(5);
/// What anybody else may wait in all.
pub(crate) const OTHERS: Duration = Duration::from_millis(200);

/// What is left of the transaction's time.
pub(crate) fn left(standing: Standing, spent: Duration) -> Duration {
    let whole = match standing {
        Standing::Guarded => GUARDED,
        Standing::Other => OTHERS,
    };
    whole.saturating_sub(spent)
}
