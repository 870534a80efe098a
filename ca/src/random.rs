//! Random bytes from the system.

use zeroize::Zeroizing;

/// The system gave no random bytes: nothing that needs a secret or a serial can be made.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomness(#[source] getrandom::Error);

/// `N` fresh bytes.
///
/// # Errors
/// When the system has none to give.
pub fn bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(NoRandomness)?;
    Ok(bytes)
}

/// 32 fresh bytes that are wiped after use.
///
/// # Errors
/// When the system has none to give.
pub fn seed() -> Result<Zeroizing<[u8; 32]>, NoRandomness> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(NoRandomness)?;
    Ok(seed)
}
