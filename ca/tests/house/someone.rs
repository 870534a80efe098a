//! People.

use daypass_protocol::key::Key;
use daypass_protocol::name::Name;
use daypass_protocol::roster::{Person, Role};
use ssh_key::PrivateKey;
use ssh_key::private::Ed25519Keypair;

/// A person with a key, on a machine of their own.
#[derive(Clone)]
pub(crate) struct Someone {
    pub(crate) name: Name,
    pub(crate) key: PrivateKey,
}

impl Someone {
    pub(crate) fn new(name: &str) -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).unwrap();
        Self {
            name: name.parse().unwrap(),
            key: PrivateKey::from(Ed25519Keypair::from_seed(&seed)),
        }
    }

    pub(crate) fn public(&self) -> Key {
        Key::try_from(self.key.public_key().key_data().clone()).unwrap()
    }

    pub(crate) fn entry(&self, roles: &[Role]) -> Person {
        Person {
            name: self.name.clone(),
            roles: roles.to_vec(),
            keys: vec![self.public()],
        }
    }
}
