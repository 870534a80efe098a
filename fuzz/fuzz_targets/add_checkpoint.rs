//! C2SP tlog-witness's add-checkpoint: what is taken apart is judged, and only what is held is cosigned.
#![no_main]

use daypass_collector::add_checkpoint::{AddCheckpoint, Judgement};
use daypass_collector::checkpoints::Mark;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, [u8; 32], &str)| {
    let (size, root, body) = input;
    let Ok(request) = AddCheckpoint::parse(body) else {
        return;
    };
    assert!(request.proof.len() <= 63 && body.ends_with(&request.note));
    let (new, old) = (&request.checkpoint, request.old);
    for held in [
        Mark { size, root },
        Mark { size: old, root },
        Mark {
            size: new.size,
            root: new.root,
        },
    ] {
        match request.judge(&held) {
            Judgement::Cosign => {
                assert!(held.size == new.size && held.root == new.root && old == new.size);
            }
            Judgement::EntriesMissing => assert!(old == held.size && new.size > old),
            Judgement::OldBeyondSize => assert!(old > new.size),
            Judgement::OtherSize { held: size } => assert!(size == held.size && size != old),
            Judgement::OtherRoot { .. } => assert!(held.root != new.root),
            Judgement::Inconsistent => {}
        }
    }
});
