//! What an ssh-agent answers to the CA, which signs by it, and to people's own command: another program, maybe another
//! machine's, so that it may say anything. Nothing counts as the CA's signature but what its key signed.
#![no_main]

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};

use daypass_ca::signer::agent::AgentSigner;
use daypass_cli::keys::agent::Agent;
use libfuzzer_sys::fuzz_target;
use ssh_key::PublicKey;

/// A key whose secret was thrown away when it had signed what the CA has every agent sign first.
const KEY: &str = include_str!("../seeds/ssh_agent.pub");
/// That signature, as an agent answers it.
const SIGNED: &[u8] = include_bytes!("../seeds/ssh_agent/signed");
/// Bytes of an Ed25519 signature, which stand last.
const SIGNATURE: usize = 64;

/// An agent that says the same to everybody.
struct Parrot {
    socket: PathBuf,
    says: Mutex<Vec<u8>>,
}

static PARROT: LazyLock<Parrot> = LazyLock::new(|| {
    let socket = std::env::temp_dir().join(format!("daypass-fuzz-agent-{}", std::process::id()));
    let listener = UnixListener::bind(&socket).expect("a socket");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Who is not heard to the end gets an error in place of the answer.
            _ = stream.and_then(answer);
        }
    });
    Parrot {
        socket,
        says: Mutex::default(),
    }
});

fn answer(mut stream: UnixStream) -> std::io::Result<()> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut request = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut request)?;
    let says = PARROT.says.lock().unwrap_or_else(PoisonError::into_inner);
    stream.write_all(&says)
}

fuzz_target!(|bytes: &[u8]| {
    let parrot = &*PARROT;
    bytes.clone_into(&mut parrot.says.lock().unwrap_or_else(PoisonError::into_inner));
    let key = PublicKey::from_openssh(KEY).expect("a key");

    let agent = Agent::at(&parrot.socket);
    if let Ok(identities) = agent.identities() {
        // Each is a length and a key at least.
        assert!(identities.len() * 8 <= bytes.len());
        assert!(
            identities
                .iter()
                .all(|identity| !identity.key.is_certificate())
        );
    }
    _ = agent.sign(key.key_data(), "daypass-approve@v1", b"a statement");

    let signature = &SIGNED[SIGNED.len() - SIGNATURE..];
    let is_signed = bytes.windows(SIGNATURE).any(|bytes| bytes == signature);
    let opened = AgentSigner::open(&parrot.socket, key);
    assert!(opened.is_err() || is_signed);
    assert!(opened.is_ok() || bytes != SIGNED);
});
