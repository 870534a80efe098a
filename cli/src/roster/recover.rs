//! `daypass roster recover`: where no admin can sign any more, the recovery key puts a roster in force that names one.
//!
//! Everybody hears of it: CA, collector and every host raise an alarm. The key is spent with it, since whoever made it, or
//! found it, has it still: the same roster names a new one.

use std::path::{Path, PathBuf};

use daypass_protocol::key::{self, Key};
use daypass_protocol::name::Name;
use daypass_protocol::roster::{Chain, Person, Role, Roster, SignedRoster, VerifiedRoster};
use daypass_protocol::sshsig;
use daypass_protocol::time::Time;
use ssh_key::private::Ed25519Keypair;
use ssh_key::{LineEnding, PrivateKey};
use zeroize::Zeroizing;

use super::{difference, kept, memory, people};
use crate::Context;
use crate::ca::Ca;
use crate::diagnostic::{Failure, KeyError, hint, prompt};
use crate::exit::Exit;
use crate::keys::file::{self, Asking};
use crate::output::{Consent, note};
use crate::policy;

/// Arguments of `daypass roster recover`.
#[derive(Debug, clap::Args)]
pub(super) struct RecoverArguments {
    /// The recovery key, as it was printed when the CA was made, or when it was used last
    #[arg(value_name = "FILE")]
    key: PathBuf,
    /// The rosters so far, as `{"chain":[…]}`, from a host's /var/lib/daypass/agent/chain.json; asked of the CA if not given,
    /// which tells those whom it knows
    #[arg(long, value_name = "FILE")]
    chain: Option<PathBuf>,
    #[command(flatten)]
    consent: Consent,
}

/// Makes the person of this machine the admin, by the recovery key.
pub(super) fn recover(
    context: &Context,
    ca: &Ca,
    arguments: &RecoverArguments,
) -> Result<Exit, Failure> {
    let newest = match &arguments.chain {
        Some(path) => from_file(context, ca, path)?,
        None => ca.roster()?,
    };
    let recovery = recovery_key(&arguments.key, &newest)?;
    let admin = Key::try_from(ca.key()?.public().clone()).map_err(unusable)?;
    let fresh = fresh_key()?;
    let secret = fresh.to_openssh(LineEnding::LF).map_err(cannot_sign)?;
    let next = successor(
        &newest,
        ca.person(),
        admin,
        public(&fresh).map_err(unusable)?,
    );
    note(people(&next).text(&context.output));
    note(difference::of(&newest, &next));
    if newest.policy != next.policy {
        note(policy::difference(&newest.policy, &next.policy));
    }
    arguments.consent.given(prompt::RECOVER)?;
    let mut signed = SignedRoster::unsigned(next.freeze().map_err(Failure::Roster)?);
    signed
        .sign(sshsig::with_key(&recovery))
        .map_err(cannot_sign)?;
    newest.successor(&signed).map_err(Failure::Chain)?;
    // Shown before anybody hears of it: what is in force and was never shown would be lost for ever.
    context.output.line(hint::new_recovery_key(&secret))?;
    let number = ca.put_recovered(&signed)?;
    context.output.line(hint::recovered(number, ca.person()))?;
    Ok(Exit::Done)
}

fn from_file(context: &Context, ca: &Ca, path: &Path) -> Result<VerifiedRoster, Failure> {
    let chain = Chain::verify(ca.pin(), &kept::read(path)?).map_err(Failure::Chain)?;
    memory::check(&context.places, &chain)?;
    Ok(chain.newest().clone())
}

fn recovery_key(path: &Path, newest: &Roster) -> Result<PrivateKey, Failure> {
    let key = file::private_key(path, Asking::Allowed)?;
    let own = public(&key).map_err(|source| Failure::BadKey {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    let (expected, found) = (newest.recovery.fingerprint(), own.fingerprint());
    if found == expected {
        Ok(key)
    } else {
        Err(Failure::NotTheRecoveryKey {
            path: path.to_owned(),
            found,
            expected,
            number: newest.number,
        })
    }
}

/// The next roster: this person is the one admin, by this key alone; nobody else loses more than that role.
fn successor(newest: &VerifiedRoster, admin: &Name, key: Key, recovery: Key) -> Roster {
    let mut next = Roster::clone(newest);
    next.number += 1;
    next.previous = Some(newest.hash());
    next.time = Time::from(std::time::SystemTime::now());
    next.recovery = recovery;
    // There is one admin, who could not be two.
    next.policy.roster_signatures = 1;
    next.policy.policy_signatures = 1;
    let mut roles = vec![Role::Admin];
    if let Some(before) = next.person(admin) {
        let others = before.roles.iter().filter(|role| **role != Role::Admin);
        roles.extend(others);
    }
    next.people.retain(|person| person.name != *admin);
    for person in &mut next.people {
        person.roles.retain(|role| *role != Role::Admin);
    }
    next.people.retain(|person| !person.roles.is_empty());
    next.people.push(Person {
        name: admin.clone(),
        roles,
        keys: vec![key],
    });
    next
}

fn fresh_key() -> Result<PrivateKey, Failure> {
    let mut seed = Zeroizing::new([0_u8; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(|source| Failure::NoRandom { source })?;
    let mut key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
    key.set_comment("daypass recovery key");
    Ok(key)
}

fn public(key: &PrivateKey) -> Result<Key, key::Error> {
    Key::try_from(key.public_key().key_data().clone())
}

fn unusable(source: key::Error) -> Failure {
    Failure::UnusableKey {
        source: Box::new(source),
    }
}

fn cannot_sign(source: ssh_key::Error) -> Failure {
    Failure::Key(KeyError::Signing(source))
}
