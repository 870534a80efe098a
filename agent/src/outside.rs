//! Witnesses of others, which cosign this host's journal beside the collectors. None of them may keep the agent from
//! anything: one that cannot be used is told of, and left out.

use std::time::Duration;

use daypass_forward::outside::{Asker, Asking, Outside};
use daypass_journal::error::KeyFault;
use daypass_journal::horizon::Horizon;
use daypass_journal::note::{KeyKind, VerifierKey};
use daypass_transport::client::{Client, SetupError};

use crate::aside;
use crate::config::WitnessConfig;
use crate::durable;
use crate::intake::Intake;
use crate::layout::Layout;

const MAX_ROOT: u64 = 64 * 1024;

/// Why a witness cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("a key of it cannot be used: {0}")]
    Key(KeyFault),
    #[error("a key of it is a log's, not a witness's")]
    Kind,
    #[error(transparent)]
    Root(#[from] durable::Error),
    #[error("there is no file {0}")]
    NoRoot(String),
    #[error(transparent)]
    Client(#[from] SetupError),
}

/// A witness that can be asked.
pub struct Usable {
    name: String,
    keys: Vec<String>,
    interval: Duration,
    outside: Outside,
}

impl Usable {
    /// Its keys as the configuration has them, which the journal declares.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }
}

/// Those of the configured witnesses that can be asked; of the others is told why not.
#[must_use]
pub fn usable(configured: &[WitnessConfig]) -> Vec<Usable> {
    let tried = configured.iter().map(|witness| (witness, read(witness)));
    tried
        .filter_map(|(witness, read)| match read {
            Ok(usable) => Some(usable),
            Err(why) => {
                let url = &witness.url;
                aside::tell(&format!(
                    "agent.toml: the witness {url} is not asked: {why}"
                ));
                None
            }
        })
        .collect()
}

fn read(witness: &WitnessConfig) -> Result<Usable, Unusable> {
    let texts: Vec<String> = std::iter::once(&witness.key)
        .chain(&witness.later_keys)
        .cloned()
        .collect();
    let keys: Vec<VerifierKey> = texts
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()
        .map_err(Unusable::Key)?;
    if keys.iter().any(|key| key.kind() != KeyKind::Cosignature) {
        return Err(Unusable::Kind);
    }
    let root = durable::read(&witness.root, MAX_ROOT)?;
    let root = root.ok_or_else(|| Unusable::NoRoot(witness.root.display().to_string()))?;
    let client = Client::new(&witness.url.join(""), &String::from_utf8_lossy(&root), None)?;
    Ok(Usable {
        name: witness.url.to_string(),
        keys: texts,
        interval: Duration::from_secs(witness.every_seconds),
        outside: Outside { keys, client },
    })
}

/// Asks each of them from time to time.
///
/// # Errors
/// No thread to be had.
pub fn start(
    layout: &Layout,
    witnesses: Vec<Usable>,
    horizon: &Horizon,
    intake: &Intake,
) -> std::io::Result<Vec<Asker>> {
    let asker = |usable: Usable| {
        let (keeps, name) = (intake.clone(), usable.name);
        Asker::start(Asking {
            journal: layout.journal(),
            horizon: horizon.clone(),
            interval: usable.interval,
            witness: usable.outside,
            keep: Box::new(move |note| keeps.keep_cosignature(note)),
            tell: Box::new(move |error| {
                aside::tell(&format!("the witness {name} does not cosign: {error}"));
            }),
        })
    };
    witnesses.into_iter().map(asker).collect()
}

#[cfg(test)]
mod tests {
    use daypass_journal::witness::Witness;

    use super::*;

    #[test]
    fn a_witness_that_cannot_be_used_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let key = Witness::create(&dir.path().join("key"), "w")
            .unwrap()
            .vkey()
            .to_string();
        let root =
            daypass_transport::authority::Authority::create("t", std::time::SystemTime::now())
                .unwrap();
        let (pem, text) = (dir.path().join("root.pem"), dir.path().join("text"));
        std::fs::write(&pem, root.certificate()).unwrap();
        std::fs::write(&text, "x").unwrap();
        let witness = |key: &str, root: &std::path::Path| WitnessConfig {
            url: "https://w.example:443".parse().unwrap(),
            key: key.to_owned(),
            later_keys: Vec::new(),
            root: root.to_owned(),
            every_seconds: 3600,
        };
        let renewed = |later: &str| WitnessConfig {
            later_keys: vec![later.to_owned()],
            ..witness(&key, &pem)
        };
        let next = Witness::create(&dir.path().join("next"), "w")
            .unwrap()
            .vkey()
            .to_string();
        let configured = [
            witness(&key, &pem),
            witness("nonsense", &pem),
            witness(&key, &text),
            witness(&key, &dir.path().join("none")),
            renewed("nonsense"),
            renewed(&next),
        ];
        let keys: Vec<_> = usable(&configured)
            .iter()
            .flat_map(|usable| usable.keys().map(str::to_owned))
            .collect();
        assert_eq!(keys, [key.clone(), key.clone(), next]);
    }
}
