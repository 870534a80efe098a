//! The three boundaries are boundaries: what holds over SQLite and a directory holds over stores that were written in an
//! hour and forget everything.

#[path = "../throwaway/checkpoints.rs"]
pub(crate) mod checkpoints;
#[path = "../throwaway/index.rs"]
pub(crate) mod index;
#[path = "../throwaway/segments.rs"]
pub(crate) mod segments;

use checkpoints::MemoryCheckpoints;
use index::MemoryIndex;
use segments::MemorySegments;

/// Says that sites are to stand on these.
const CHOSEN: &str = "DAYPASS_TEST_STORES";

/// Shared by all lives of one site's collector.
#[derive(Clone, Default)]
pub(crate) struct Throwaway {
    pub(crate) checkpoints: MemoryCheckpoints,
    pub(crate) segments: MemorySegments,
    pub(crate) index: MemoryIndex,
}

/// `None` unless they were chosen.
pub(crate) fn chosen() -> Option<Throwaway> {
    std::env::var_os(CHOSEN).map(|_| Throwaway::default())
}

/// Those parts whose tests look at files, or run the program, are left out.
#[test]
fn the_collector_is_the_same_over_throwaway_stores() {
    if std::env::var_os(CHOSEN).is_some() {
        return;
    }
    let exe = std::env::current_exe().unwrap();
    let parts = [
        "hostile::",
        "link::",
        "refusals::",
        "rosters::",
        "search::",
        "sessions::",
        "witness::",
    ];
    let played = std::process::Command::new(exe)
        .args(parts)
        .env(CHOSEN, "memory")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&played.stdout);
    assert!(played.status.success(), "{said}");
    assert!(said.contains(" 0 failed"), "{said}");
    for part in parts {
        assert!(
            said.contains(&format!("test {part}")),
            "{part} was not played: {said}"
        );
    }
}
