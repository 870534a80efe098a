//! `GET /v1/logs/ORIGIN/checkpoint`, and C2SP tlog-witness: `POST /add-checkpoint`.

use super::call::{Call, Reply};
use super::refusal::Refusal;
use crate::add_checkpoint::{AddCheckpoint, Judgement};

pub(super) fn show(call: &Call) -> Result<Reply, Refusal> {
    match call.collector.checkpoint(call.log()?, call.now)? {
        Some(note) => Ok(Reply::Text(note)),
        None => Err(Refusal::missing(
            "no-checkpoint",
            "nothing of this journal has come in yet",
        )),
    }
}

pub(super) fn add(call: &Call) -> Result<Reply, Refusal> {
    let malformed = |reason: String| Refusal::malformed("malformed-body", reason);
    let body = std::str::from_utf8(&call.body).map_err(|error| malformed(error.to_string()))?;
    let request = AddCheckpoint::parse(body).map_err(|error| malformed(error.to_string()))?;
    let (judgement, cosignature) = call.collector.add_checkpoint(&request, call.now)?;
    match (judgement, cosignature) {
        (Judgement::Cosign, Some(cosignature)) => Ok(Reply::Text(cosignature.lines().to_owned())),
        (Judgement::Cosign | Judgement::EntriesMissing, _) => Err(Refusal::unavailable(
            "entries-missing",
            "this witness cosigns what it stores; send the entries first, then ask again",
        )),
        (Judgement::OldBeyondSize, _) => Err(malformed(
            "the old size is beyond the checkpoint's".to_owned(),
        )),
        (Judgement::OtherSize { held }, _) => Err(Refusal::other_size(
            format!("{held} entries are held, go on from there"),
            held,
        )),
        (Judgement::OtherRoot { held }, _) => Err(Refusal::other_size(
            format!("another root is held for {held} entries"),
            held,
        )),
        (Judgement::Inconsistent, _) => Err(Refusal::unacceptable(
            "inconsistent",
            "the proof does not lead from what is held to the checkpoint",
        )),
    }
}
