//! Statements whose signatures were checked before: every certificate of a window carries the same ones.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use daypass_protocol::roster::VerifiedRoster;
use daypass_protocol::statement::{Error, SignedStatement, VerifiedStatement};
use sha2::{Digest as _, Sha256};

/// Statements that are remembered; with more, all are checked again.
const MOST: usize = 4096;

/// What came of each check, by the exact bytes and the roster that it was made under. Only what counted is kept.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    statements: Mutex<HashMap<[u8; 32], VerifiedStatement>>,
}

impl Checked {
    /// As [`SignedStatement::check`].
    ///
    /// # Errors
    /// The statement does not count under this roster.
    pub(crate) fn check(
        &self,
        signed: &SignedStatement,
        roster: &VerifiedRoster,
    ) -> Result<VerifiedStatement, Error> {
        let name = name(signed, roster);
        if let Some(verified) = self.lock().get(&name) {
            return Ok(verified.clone());
        }
        let verified = signed.check(roster)?;
        let mut statements = self.lock();
        if statements.len() >= MOST {
            statements.clear();
        }
        statements.insert(name, verified.clone());
        Ok(verified)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], VerifiedStatement>> {
        self.statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// All that the verdict depends on.
fn name(signed: &SignedStatement, roster: &VerifiedRoster) -> [u8; 32] {
    let length = u64::try_from(signed.statement.len()).unwrap_or(u64::MAX);
    Sha256::new()
        .chain_update(roster.pin().as_bytes())
        .chain_update(roster.hash().as_bytes())
        .chain_update(length.to_be_bytes())
        .chain_update(&signed.statement)
        .chain_update(signed.signature.to_string())
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use daypass_protocol::digest::{Digest, Pin};
    use daypass_protocol::key::Key;
    use daypass_protocol::roster::{Person, Policy, Role, Roster, SignedRoster};
    use daypass_protocol::sshsig;
    use daypass_protocol::statement::{Statement, Verb};
    use daypass_protocol::time::Time;
    use daypass_protocol::version::Version;
    use ssh_key::PrivateKey;
    use ssh_key::private::Ed25519Keypair;

    use super::*;

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
    }

    fn public(seed: u8) -> Key {
        Key::try_from(key(seed).public_key().key_data().clone()).unwrap()
    }

    /// As signed by ada, its only admin.
    fn document(number: u64, previous: Option<Digest>, seed: u8) -> SignedRoster {
        let ada = Person {
            name: "ada".parse().unwrap(),
            roles: vec![Role::Admin, Role::Approver],
            keys: vec![public(seed)],
        };
        let roster = Roster {
            v: Version,
            number,
            previous,
            time: Time::from_unix(0),
            people: vec![ada],
            recovery: public(9),
            policy: Policy::default(),
        };
        let mut signed = SignedRoster::unsigned(serde_json::to_string(&roster).unwrap());
        signed.sign(sshsig::with_key(&key(1))).unwrap();
        signed
    }

    /// One in which ada has this key.
    fn roster(seed: u8) -> VerifiedRoster {
        let first = document(1, None, 1);
        let genesis = VerifiedRoster::genesis(pin(), &first).unwrap();
        match seed {
            1 => genesis,
            _ => {
                let second = document(2, Some(genesis.hash()), seed);
                genesis.successor(&second).unwrap()
            }
        }
    }

    fn pin() -> Pin {
        Pin::from(Digest::of(&document(1, None, 1).roster))
    }

    fn approval(seed: u8) -> SignedStatement {
        Statement {
            v: Version,
            verb: Verb::Approve,
            window: Digest::of(b"a window"),
            ca: pin(),
            signer: "ada".parse().unwrap(),
            time: Time::from_unix(0),
            expires: Time::from_unix(60),
        }
        .sign(sshsig::with_key(&key(seed)))
        .unwrap()
    }

    #[test]
    fn what_was_checked_counts_again_and_nothing_else_with_it() {
        let (checked, roster_1) = (Checked::default(), roster(1));
        let signed = approval(1);
        let first = checked.check(&signed, &roster_1).unwrap();
        assert_eq!(checked.check(&signed, &roster_1).unwrap(), first);
        assert_eq!(checked.lock().len(), 1);

        let mut altered = signed.clone();
        altered.statement = altered.statement.replace("ada", "adb");
        checked.check(&altered, &roster_1).unwrap_err();
        let resigned = SignedStatement {
            signature: approval(2).signature,
            ..signed.clone()
        };
        checked.check(&resigned, &roster_1).unwrap_err();
        // The same words under a roster in which ada has another key.
        checked.check(&signed, &roster(2)).unwrap_err();
        assert_eq!(checked.lock().len(), 1);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (checked, roster) = (Checked::default(), roster(1));
        let signed = approval(1);
        let verified = signed.check(&roster).unwrap();
        for number in 0..MOST {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&number.to_be_bytes());
            checked.lock().insert(name, verified.clone());
        }
        checked.check(&signed, &roster).unwrap();
        assert_eq!(checked.lock().len(), 1);
    }
}
