//! The collector's routes, as the owner of a journal uses them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use daypass_journal::follow::SignedCheckpoint;
use daypass_journal::note::VerifierKey;
use daypass_journal::tree::Hash;
use daypass_protocol::enrolment::SignedRecord;
use daypass_protocol::forwarding::{self, log_path};
use daypass_transport::client::{self, Client, Request};

use crate::outgoing::Upload;
use crate::trouble::{Contradiction, End, Trouble};

/// One journal at one collector.
pub(crate) struct Remote<'a> {
    pub(crate) client: Client,
    pub(crate) origin: &'a str,
    /// The keys that it may cosign with.
    pub(crate) witnesses: Vec<VerifierKey>,
}

/// What it holds, its cosignature checked.
pub(crate) struct Standing {
    pub(crate) size: u64,
    pub(crate) root: Hash,
    /// The note and its time; `None` while nothing is held.
    pub(crate) cosignature: Option<(String, u64)>,
}

impl Remote<'_> {
    /// What is held, told that we have `size` sealed entries.
    pub(crate) fn standing(&self, size: u64) -> Result<Standing, End> {
        let path = format!("{}?size={size}", log_path(self.origin));
        let answer = self.client.call(&Request::get(&path));
        self.read(answer, size)
    }

    /// Takes leave: another collector takes the journal from here on. Nothing depends on its being heard.
    pub(crate) fn leave(&self, size: u64) {
        let path = format!("{}?leaving={size}", log_path(self.origin));
        let _ = self
            .client
            .call::<forwarding::Standing>(&Request::get(&path));
    }

    /// Makes the journal known.
    pub(crate) fn register(&self, record: &SignedRecord) -> Result<Standing, End> {
        // Two texts: this cannot fail.
        let body = serde_json::to_vec(record).unwrap_or_default();
        let path = log_path(self.origin);
        let answer = self.client.call(&Request::put(&path, &body));
        self.read(answer, 0)
    }

    /// Sends lines.
    pub(crate) fn append(&self, upload: &Upload<'_>) -> Result<Standing, End> {
        let from = upload.from;
        let path = format!("{}/lines?from={from}", log_path(self.origin));
        let answer = self.client.call(&Request::post(&path, upload.lines));
        self.read(answer, from)
    }

    fn read(
        &self,
        answer: Result<forwarding::Standing, client::Error>,
        seq: u64,
    ) -> Result<Standing, End> {
        let standing = answer.map_err(|error| end_of(error, seq))?;
        let size = standing.size;
        let wrong = || Trouble::FalseCosignature { size };
        let root = STANDARD.decode(&standing.root).ok();
        let root: Hash = root
            .and_then(|root| root.try_into().ok())
            .ok_or_else(wrong)?;
        let cosignature = match standing.cosignature {
            None if size == 0 => None,
            None => return Err(wrong().into()),
            Some(note) => {
                let checkpoint = SignedCheckpoint::parse(&note).ok_or_else(wrong)?;
                let fits = checkpoint.origin == self.origin
                    && checkpoint.size == size
                    && checkpoint.root == root;
                let mut seen = self.witnesses.iter();
                let time = seen.find_map(|witness| checkpoint.cosigned_by(witness));
                let time = time.filter(|_| fits);
                Some((note, time.ok_or_else(wrong)?))
            }
        };
        Ok(Standing {
            size,
            root,
            cosignature,
        })
    }
}

/// Whether the collector does not know the journal yet.
pub(crate) fn is_unknown(end: &End) -> bool {
    matches!(end, End::Trouble(Trouble::Call(client::Error::Api { status: 404, code, .. })) if code == "unknown-log")
}

/// Refusals that no repetition mends are contradictions.
fn end_of(error: client::Error, from: u64) -> End {
    match error {
        client::Error::Api {
            status: 409 | 422,
            code,
            message,
        } if ["rolled-back", "fork", "not-proven"].contains(&code.as_str()) => {
            Contradiction::Refused {
                code,
                message,
                from,
            }
            .into()
        }
        error => Trouble::Call(error).into(),
    }
}
