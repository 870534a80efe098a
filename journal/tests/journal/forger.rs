//! Seals that no honest writer makes, by secrets that were read from its directory of keys.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use daypass_journal::tree::{Frontier, leaf_hash};
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use ed25519_dalek::{SECRET_KEY_LENGTH, VerifyingKey};
use sha2::{Digest as _, Sha256, Sha512};

/// A secret key of a log or an epoch.
pub(crate) struct Forger {
    name: String,
    secret: [u8; SECRET_KEY_LENGTH],
}

impl Forger {
    /// The first key in a file of them.
    pub(crate) fn thief_of(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.lines().next().unwrap();
        let mut parts = text.strip_prefix("PRIVATE+KEY+").unwrap().splitn(3, '+');
        let name = parts.next().unwrap().to_owned();
        let seed = STANDARD.decode(parts.nth(1).unwrap()).unwrap();
        let secret = seed[1..].try_into().unwrap();
        Self { name, secret }
    }

    /// A key that nobody knows.
    pub(crate) fn stranger(name: &str) -> Self {
        let name = name.to_owned();
        let secret = Sha256::digest(format!("a stranger's {name}")).into();
        Self { name, secret }
    }

    fn expanded(&self) -> (ExpandedSecretKey, VerifyingKey) {
        let expanded = ExpandedSecretKey::from(&self.secret);
        let public = VerifyingKey::from(&expanded);
        (expanded, public)
    }

    fn id(&self) -> [u8; 4] {
        let mut hashed = format!("{}\n\u{1}", self.name).into_bytes();
        hashed.extend(self.expanded().1.as_bytes());
        Sha256::digest(hashed)[..4].try_into().unwrap()
    }

    /// The public key.
    pub(crate) fn vkey(&self) -> String {
        let id: String = self.id().map(|byte| format!("{byte:02x}")).concat();
        let key = [&[1], &self.expanded().1.as_bytes()[..]].concat();
        format!("{}+{id}+{}", self.name, STANDARD.encode(key))
    }

    /// The signature line under a note's text.
    fn sign(&self, text: &str) -> String {
        let (expanded, public) = self.expanded();
        let signature = raw_sign::<Sha512>(&expanded, text.as_bytes(), &public);
        let line = [&self.id()[..], &signature.to_bytes()].concat();
        format!("\u{2014} {} {}", self.name, STANDARD.encode(line))
    }

    /// A seal line with this key's signature in the place of the log's.
    pub(crate) fn sign_instead(&self, seal: &str) -> String {
        let note = seal.replace("\\n", "\n");
        let note = note.strip_prefix("{\"seal\":\"").unwrap();
        let (text, signatures) = note.split_once("\n\n").unwrap();
        let epoch = signatures.lines().nth(1).unwrap();
        seal_line(
            &format!("{text}\n"),
            &self.sign(&format!("{text}\n")),
            epoch,
        )
    }

    /// The seal line under these lines, by this key of the log and that of the epoch.
    pub(crate) fn seal(&self, epoch: &Self, lines: &[String]) -> String {
        let mut tree = Frontier::default();
        for line in lines.iter().filter(|line| line.starts_with("{\"seq\"")) {
            tree.push(leaf_hash(line.as_bytes()));
        }
        let (size, root) = (tree.size(), STANDARD.encode(tree.root()));
        let text = format!("{}\n{size}\n{root}\n", self.name);
        seal_line(&text, &self.sign(&text), &epoch.sign(&text))
    }
}

fn seal_line(text: &str, log: &str, epoch: &str) -> String {
    let epoch = epoch.trim_end_matches("\"}");
    let note = format!("{text}\n{log}\n{epoch}\n");
    format!("{{\"seal\":\"{}\"}}", note.replace('\n', "\\n"))
}
