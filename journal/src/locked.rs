//! Memory for secrets: never swapped out, left out of core dumps, wiped when dropped.
//!
//! The one file of this crate with `unsafe` in it.

use std::ptr::NonNull;

use nix::errno::Errno;
use nix::sys::mman::{MmapAdvise, madvise, mlock};
use zeroize::Zeroize;

/// A page of its own, so that advice about it concerns nothing else.
#[repr(C, align(4096))]
struct Page([u8; PAGE]);

const PAGE: usize = 4096;

/// A 32-byte secret in locked memory.
///
/// The page is wiped on drop but not unlocked: where the machine's pages are larger than ours, a
/// neighbour on the same page may hold another secret. The allocator reuses it.
pub(crate) struct Secret(Box<Page>);

impl Secret {
    /// Locked memory, filled by `fill`, which writes the secret where it stays.
    ///
    /// # Errors
    ///
    /// The errno of `mlock(2)` or `madvise(2)`: for the first, most often a limit on locked memory.
    pub(crate) fn fill_with(fill: impl FnOnce(&mut [u8; 32])) -> Result<Self, Errno> {
        let mut page = Box::new(Page([0; PAGE]));
        let address = NonNull::from(&mut *page).cast();
        // SAFETY: address and length are those of a live allocation that this call owns.
        unsafe { mlock(address, PAGE) }?;
        // SAFETY: as above; MADV_DONTDUMP changes no contents.
        unsafe { madvise(address, PAGE, MmapAdvise::MADV_DONTDUMP) }?;
        let mut secret = Self(page);
        if let Some(place) = secret.0.0.first_chunk_mut() {
            fill(place);
        }
        Ok(secret)
    }

    /// The secret.
    pub(crate) fn expose(&self) -> &[u8; 32] {
        self.0.0.first_chunk().unwrap_or(&[0; 32])
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_kept_as_filled() {
        let secret = Secret::fill_with(|place| place.fill(7)).unwrap();
        assert_eq!(secret.expose(), &[7; 32]);
    }

    #[test]
    fn the_memory_of_a_secret_is_counted_as_locked() {
        let before = locked_kib();
        let secrets: Vec<_> = (0..8).map(|_| Secret::fill_with(|_| ()).unwrap()).collect();
        assert!(locked_kib() >= before.max(32));
        drop(secrets);
    }

    fn locked_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmLck:"));
        let number = line.unwrap().split_whitespace().nth(1);
        number.unwrap().parse().unwrap()
    }
}
