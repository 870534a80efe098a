//! Witnesses of others (C2SP tlog-witness), asked from time to time to cosign the newest checkpoint. They hold no entries,
//! and nobody waits for them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use daypass_journal::follow::SignedCheckpoint;
use daypass_journal::horizon::Horizon;
use daypass_journal::note::VerifierKey;
use daypass_journal::proof::prove_consistency;
use daypass_journal::reader::Copier;
use daypass_transport::client::{self, Client, Request};

const STACK: usize = 512 * 1024;
/// Until the journal's writer has opened it.
const SOON: Duration = Duration::from_secs(1);
/// A refusal's text, so much of it as is told.
const TOLD: usize = 200;

/// A witness, and the way to it.
pub struct Outside {
    /// The keys that it may cosign with.
    pub keys: Vec<VerifierKey>,
    /// Speaks to it.
    pub client: Client,
}

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It does not answer.
    #[error(transparent)]
    Call(#[from] client::Error),
    /// The journal cannot be read.
    #[error("the journal cannot be read: {0}")]
    Journal(#[from] daypass_journal::Error),
    /// Nothing is sealed there.
    #[error("no seal covers exactly {size} entries")]
    NoSeal {
        /// How many entries.
        size: u64,
    },
    /// It says no.
    #[error("it answers {status}: {said}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it says, the beginning of it.
        said: String,
    },
    /// It has cosigned more entries than there are: the journal was rolled back, or another machine writes it too.
    #[error(
        "it has seen {held} entries of this journal, which has {size}: it was rolled back, or another machine writes it too"
    )]
    Ahead {
        /// Those that it saw.
        held: u64,
        /// Those that there are.
        size: u64,
    },
    /// What it answers is no cosignature by a key that is configured.
    #[error("what it answers is no cosignature by a key that is configured for it")]
    NotCosigned,
}

/// Asks a witness to cosign the first `size` entries of the journal in `dir`, at which a seal stands; the signed note that
/// the journal keeps. `held` is what it has seen, as far as is known: it says so itself where that is wrong.
///
/// # Errors
/// See [`AskError`].
pub fn ask(dir: &Path, size: u64, witness: &Outside, held: &mut u64) -> Result<String, AskError> {
    let (_, seal) = Copier::open(dir, size)?;
    let seal = seal.ok_or(AskError::NoSeal { size })?;
    // Once more, from where it says that it stands.
    let (mut status, mut answer) = add(dir, size, &seal, witness, *held)?;
    if status == 409 {
        let said = std::str::from_utf8(&answer).ok();
        let said = said.and_then(|said| said.trim_end().parse::<u64>().ok());
        if let Some(said) = said {
            *held = said;
            if said > size {
                return Err(AskError::Ahead { held: said, size });
            }
            (status, answer) = add(dir, size, &seal, witness, said)?;
        }
    }
    let text = String::from_utf8_lossy(&answer);
    if status != 200 {
        let said = text.chars().take(TOLD).collect();
        return Err(AskError::Refused { status, said });
    }
    let checkpoint = seal.split_once("\n\n").map_or("", |(text, _)| text);
    let note = format!("{checkpoint}\n\n{text}");
    let cosigned = SignedCheckpoint::parse(&note);
    let mut keys = witness.keys.iter();
    if !cosigned.is_some_and(|cosigned| keys.any(|key| cosigned.cosigned_by(key).is_some())) {
        return Err(AskError::NotCosigned);
    }
    *held = size;
    Ok(note)
}

fn add(
    dir: &Path,
    size: u64,
    seal: &str,
    witness: &Outside,
    held: u64,
) -> Result<(u16, Vec<u8>), AskError> {
    let proof = match held {
        0 => Vec::new(),
        held if held >= size => Vec::new(),
        held => prove_consistency(dir, held, size)?,
    };
    let mut body = format!("old {held}\n");
    for hash in proof {
        body.push_str(&STANDARD.encode(hash));
        body.push('\n');
    }
    body.push('\n');
    body.push_str(seal);
    let request = Request::post("/add-checkpoint", body.as_bytes());
    Ok(witness.client.exchange(&request)?)
}

/// Keeps a signed note in the journal, as `Writer::append_witness` does.
pub type Keep = Box<dyn Fn(&str) -> Result<(), daypass_journal::Error> + Send>;

/// What is asked for, of whom, and what becomes of the answers.
pub struct Asking {
    /// The journal's directory.
    pub journal: PathBuf,
    /// The one that the journal's writer moves.
    pub horizon: Horizon,
    /// Between two rounds.
    pub interval: Duration,
    /// Whom to ask.
    pub witness: Outside,
    /// Keeps a cosignature in the journal; what it refuses comes again with the next round.
    pub keep: Keep,
    /// Told when it fails, once until it answers again or fails in another way.
    pub tell: Box<dyn Fn(&AskError) + Send>,
}

/// Asks, on a thread of its own.
pub struct Asker {
    stop: Mutex<Option<Sender<()>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Asker {
    /// Begins to ask.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn start(asking: Asking) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = thread::Builder::new()
            .name("witnesses".to_owned())
            .stack_size(STACK)
            .spawn(move || asking.run(&stopped))?;
        Ok(Self {
            stop: Mutex::new(Some(stop)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Asks no more. A question under way is left alone.
    pub fn stop(&self) {
        drop(
            self.stop
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        // One that waits for an answer ends by itself.
        if let Some(thread) = thread.take().filter(JoinHandle::is_finished) {
            let _ = thread.join();
        }
    }
}

impl Asking {
    fn run(&self, stopped: &Receiver<()>) {
        let (mut held, mut cosigned, mut failed) = (0, 0, None);
        loop {
            let size = self.horizon.sight().size;
            if size > cosigned {
                match ask(&self.journal, size, &self.witness, &mut held) {
                    Ok(note) => {
                        (cosigned, failed) = (size, None);
                        // What the journal does not take now comes again with the next round.
                        let _ = (self.keep)(&note);
                    }
                    Err(error) => {
                        let said = error.to_string();
                        if failed.replace(said.clone()) != Some(said) {
                            (self.tell)(&error);
                        }
                    }
                }
            }
            // A journal that was just begun is looked at again soon.
            let pause = match size {
                0 => SOON,
                _ => self.interval,
            };
            if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }
}
