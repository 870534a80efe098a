//! `config.toml`: which CA, who the person is, which key is theirs. Written by `daypass setup`.

use std::path::PathBuf;

use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::key::Fingerprint;
use daypass_protocol::name::Name;
use daypass_protocol::token::CaUrl;
use serde::{Deserialize, Serialize};

use crate::diagnostic::Failure;
use crate::durable;
use crate::keys::KeyPlace;
use crate::paths::Places;

/// The longest configuration that is read, bytes.
const LONGEST: u64 = 64 * 1024;

/// The client's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The CA's address, `https://HOST:PORT`.
    pub url: CaUrl,
    /// The CA: the hash of its first roster.
    pub ca: Pin,
    /// SHA-256 of the CA's X.509 root, DER.
    pub root: Digest,
    /// The person's name in the roster.
    pub person: Name,
    /// The person's key.
    pub key: Fingerprint,
    /// The private key's file, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_file: Option<PathBuf>,
    /// The ssh-agent's socket, where it is not the one that `SSH_AUTH_SOCK` names.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agent: Option<PathBuf>,
}

impl Config {
    /// Reads the configuration of this user.
    pub fn load(places: &Places) -> Result<Self, Failure> {
        let path = places.config_file();
        let text = durable::read(&path, LONGEST)?
            .ok_or_else(|| Failure::NotSetUp { path: path.clone() })?;
        Self::parse(&text).map_err(|source| Failure::BadConfig {
            path,
            source: Box::new(source),
        })
    }

    /// Writes it, for this user only to change.
    pub fn save(&self, places: &Places) -> Result<(), Failure> {
        let path = places.config_file();
        let body = toml::to_string(self).map_err(|_| Failure::Unwritable { path: path.clone() })?;
        durable::write(
            &path,
            format!("# Written by `daypass setup`.\n{body}").as_bytes(),
            0o600,
        )
    }

    /// Where the person's key is.
    pub fn key_place(&self) -> KeyPlace {
        KeyPlace {
            fingerprint: self.key,
            file: self.key_file.clone(),
            agent: self.agent.clone(),
        }
    }

    /// Reads the text; errors name line and key.
    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn example() -> Config {
        Config {
            url: "https://ca.example:7443".parse().expect("an address"),
            ca: Pin::from_bytes([1; 32]),
            root: Digest::from_bytes([2; 32]),
            person: "alice".parse().expect("a name"),
            key: "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                .parse()
                .expect("a fingerprint"),
            key_file: Some("/home/alice/.ssh/id_ed25519".into()),
            agent: None,
        }
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let directory = tempfile::tempdir().expect("a directory");
        let places = Places::below(directory.path());
        assert!(matches!(
            Config::load(&places),
            Err(Failure::NotSetUp { .. })
        ));
        example().save(&places).expect("saved");
        assert_eq!(Config::load(&places).expect("loaded"), example());
    }

    #[test]
    fn a_mistake_names_file_line_and_key() {
        let directory = tempfile::tempdir().expect("a directory");
        let places = Places::below(directory.path());
        let good = toml::to_string(&example()).expect("TOML");
        for (text, line, word) in [
            (format!("{good}colour = 1\n"), "line 7", "colour"),
            (format!("{good}url = \"x\"\n"), "line 7", "duplicate key"),
            (good.replace("\"alice\"", "\"Alice!\""), "line 4", "Alice!"),
            (good.replace("person = ", "person "), "line 4", "person"),
        ] {
            durable::write(&places.config_file(), text.as_bytes(), 0o600).expect("written");
            let said = Config::load(&places).expect_err("refused").to_string();
            for part in ["config.toml", line, word] {
                assert!(said.contains(part), "{part} is missing in: {said}");
            }
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in any::<String>()) {
            let _ = Config::parse(&text);
        }
    }
}
