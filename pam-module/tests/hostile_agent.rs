//! The client against agents that are missing, silent, slow, or talk nonsense: always an answer in time, never a wrong one.

use std::io::{Read, Write};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use daypass_gate::{Caller, FrameError, Request, Response, read_frame, write_frame};
use pam_daypass::client::{Endpoint, Unanswered};

/// What is waited for in vain.
const PATIENCE: Duration = Duration::from_millis(150);
/// What nobody waits for to its end: a machine that is busy may take long before the agent has its turn.
const LONG: Duration = Duration::from_secs(60);

struct Agent {
    directory: tempfile::TempDir,
    thread: Option<JoinHandle<()>>,
}

impl Agent {
    fn that(serves: impl FnOnce(UnixStream) + Send + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("agent.sock")).unwrap();
        let thread = thread::spawn(move || {
            let (link, _) = listener.accept().unwrap();
            // Whoever asks once more finds nobody, and no queue that is about to go.
            drop(listener);
            serves(link);
        });
        Self {
            directory,
            thread: Some(thread),
        }
    }

    fn that_sends(bytes: &'static [u8]) -> Self {
        Self::that(move |mut link| {
            read_frame(&mut link).unwrap();
            link.write_all(bytes).unwrap();
        })
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("agent.sock")
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint {
            path: self.path(),
            listener: self.directory.path().metadata().unwrap().uid(),
        }
    }

    fn ask(&self) -> Result<Response, Unanswered> {
        self.endpoint().ask(&question(), LONG)
    }

    fn ask_in_vain(&self) -> Result<Response, Unanswered> {
        self.endpoint().ask(&question(), PATIENCE)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn question() -> Request {
    Request::Account(Caller {
        service: "sshd".to_owned(),
        user: "deploy".to_owned(),
        ..Caller::default()
    })
}

#[test]
fn an_agent_that_answers_is_heard() {
    let answer = Response::Allow {
        handle: 9,
        session_gid: Some(1_900_000_001),
    };
    let sent = answer.clone();
    let agent = Agent::that(move |mut link| {
        assert_eq!(
            Request::decode(&read_frame(&mut link).unwrap()),
            Ok(question())
        );
        write_frame(&mut link, &sent.encode().unwrap()).unwrap();
    });
    assert_eq!(agent.ask().unwrap(), answer);
}

#[test]
fn no_socket_means_no_wait() {
    let directory = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let answer = Endpoint {
        path: directory.path().join("none"),
        listener: 0,
    }
    .ask(&question(), LONG);
    assert!(matches!(answer, Err(Unanswered::Unreachable(_))));
    assert!(start.elapsed() < LONG / 2);
}

#[test]
fn what_is_only_told_arrives_after_the_teller_has_gone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let endpoint = Endpoint {
        path,
        listener: directory.path().metadata().unwrap().uid(),
    };
    // Nobody accepts meanwhile.
    endpoint.tell(&question(), LONG).unwrap();
    let (mut link, _) = listener.accept().unwrap();
    assert_eq!(
        Request::decode(&read_frame(&mut link).unwrap()),
        Ok(question())
    );
    drop((link, listener));
    let told = endpoint.tell(&question(), LONG);
    assert!(matches!(told, Err(Unanswered::Unreachable(_))), "{told:?}");
}

#[test]
fn a_question_goes_over_the_connection_that_was_made_ahead() {
    let answer = Response::deny("not now");
    let bytes = answer.encode().unwrap();
    let agent = Agent::that(move |mut link| {
        read_frame(&mut link).unwrap();
        write_frame(&mut link, &bytes).unwrap();
    });
    let endpoint = agent.endpoint();
    let knock = endpoint.knock();
    assert!(knock.is_some());
    // There is no other: nobody listens any more once the first has come.
    let said = endpoint.ask_over(knock, &question(), LONG).unwrap();
    assert_eq!(said, answer);
}

#[test]
fn a_connection_made_ahead_that_broke_off_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let endpoint = Endpoint {
        path,
        listener: directory.path().metadata().unwrap().uid(),
    };
    let knock = endpoint.knock();
    // The agent of before took it and went.
    drop(listener.accept().unwrap());
    let agent = thread::spawn(move || {
        let (mut link, _) = listener.accept().unwrap();
        read_frame(&mut link).unwrap();
        write_frame(&mut link, &Response::Ignore.encode().unwrap()).unwrap();
    });
    let said = endpoint.ask_over(knock, &question(), LONG).unwrap();
    assert_eq!(said, Response::Ignore);
    agent.join().unwrap();
}

#[test]
fn nobody_waits_to_connect_ahead() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.sock");
    let endpoint = Endpoint {
        path: path.clone(),
        listener: 0,
    };
    assert!(endpoint.knock().is_none(), "where nobody listens");
    let listener = UnixListener::bind(path).unwrap();
    // SAFETY: a descriptor of ours and a plain integer; it listens already, and now has a shorter queue.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 1) }, 0);
    let start = Instant::now();
    // Until the queue is full, which would hold up whoever waits for a place in it.
    let come: Vec<_> = std::iter::from_fn(|| endpoint.knock()).take(64).collect();
    assert!((1..64).contains(&come.len()), "{} have come", come.len());
    assert!(start.elapsed() < LONG / 2);
}

#[test]
fn a_socket_of_somebody_else_is_not_asked() {
    for knocks in [false, true] {
        let agent = Agent::that(|mut link| {
            let mut heard = Vec::new();
            link.read_to_end(&mut heard).unwrap();
            assert!(heard.is_empty());
        });
        let other = agent.endpoint().listener + 1;
        let endpoint = Endpoint {
            path: agent.path(),
            listener: other,
        };
        let knock = knocks.then(|| endpoint.knock().unwrap());
        let answer = endpoint.ask_over(knock, &question(), LONG);
        assert!(matches!(answer, Err(Unanswered::Impostor { uid }) if uid != other));
    }
}

#[test]
fn a_silent_agent_costs_the_deadline_and_no_more() {
    let agent = Agent::that(|mut link| {
        let _ = link.read_to_end(&mut Vec::new());
    });
    let start = Instant::now();
    assert!(matches!(agent.ask_in_vain(), Err(Unanswered::TimedOut)));
    assert!(start.elapsed() >= PATIENCE);
}

#[test]
fn an_agent_that_answers_byte_by_byte_gains_no_time() {
    let agent = Agent::that(|mut link| {
        read_frame(&mut link).unwrap();
        let _ = link.write_all(&[0, 0, 0, 2]);
        // The next byte comes when the asker has hung up.
        let _ = link.read_to_end(&mut Vec::new());
    });
    assert!(matches!(agent.ask_in_vain(), Err(Unanswered::TimedOut)));
}

#[test]
fn nonsense_is_no_answer() {
    assert!(matches!(
        Agent::that_sends(b"").ask(),
        Err(Unanswered::Broken(FrameError::Closed))
    ));
    assert!(matches!(
        Agent::that_sends(&[0, 0, 0, 4, 1, 129]).ask(),
        Err(Unanswered::Broken(FrameError::Closed))
    ));
    assert!(matches!(
        Agent::that_sends(&[0xff; 64]).ask(),
        Err(Unanswered::Broken(FrameError::TooLong { .. }))
    ));
    assert!(matches!(
        Agent::that_sends(&[0, 0, 0, 0]).ask(),
        Err(Unanswered::Garbled(_))
    ));
    assert!(matches!(
        Agent::that_sends(&[0, 0, 0, 2, 2, 131]).ask(),
        Err(Unanswered::Garbled(_))
    ));
    assert!(matches!(
        Agent::that_sends(&[0, 0, 0, 3, 1, 131, 0]).ask(),
        Err(Unanswered::Garbled(_))
    ));
}

#[test]
fn a_full_queue_costs_the_deadline_and_no_more() {
    let agent = Agent::that(|mut link| {
        let _ = link.read_to_end(&mut Vec::new());
    });
    // Nobody accepts any more after the first; connections pile up until the queue is full.
    let path = agent.path();
    let (send, receive) = std::sync::mpsc::channel();
    let crowd = thread::spawn(move || {
        let endpoint = Endpoint {
            listener: path.parent().unwrap().metadata().unwrap().uid(),
            path,
        };
        let waiting: Vec<_> = (0..200)
            .map(|_| {
                thread::spawn({
                    let endpoint = endpoint.clone();
                    move || endpoint.ask(&question(), PATIENCE)
                })
            })
            .collect();
        send.send(waiting.into_iter().all(|asked| {
            matches!(
                asked.join().unwrap(),
                Err(Unanswered::TimedOut | Unanswered::Broken(_) | Unanswered::Unreachable(_))
            )
        }))
        .unwrap();
    });
    assert!(receive.recv_timeout(LONG).unwrap());
    crowd.join().unwrap();
}

#[test]
fn an_agent_that_is_restarted_is_asked_once_more() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let agent = thread::spawn(move || {
        let (mut link, _) = listener.accept().unwrap();
        read_frame(&mut link).unwrap();
        drop(link);
        let (mut link, _) = listener.accept().unwrap();
        read_frame(&mut link).unwrap();
        write_frame(&mut link, &Response::Ignore.encode().unwrap()).unwrap();
    });
    let endpoint = Endpoint {
        path,
        listener: directory.path().metadata().unwrap().uid(),
    };
    let answer = endpoint.ask(&question(), LONG).unwrap();
    assert_eq!(answer, Response::Ignore);
    agent.join().unwrap();
}

/// Asking once more is no new deadline.
#[test]
fn an_agent_that_breaks_off_late_and_is_silent_then_costs_one_deadline() {
    let patience = Duration::from_secs(6);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let agent = thread::spawn(move || {
        let (mut link, _) = listener.accept().unwrap();
        read_frame(&mut link).unwrap();
        link.set_read_timeout(Some(patience * 3 / 4)).unwrap();
        // Nothing more comes: the time-out is what is waited for.
        let _ = link.read(&mut [0]);
        drop(link);
        let (mut link, _) = listener.accept().unwrap();
        let _ = link.read_to_end(&mut Vec::new());
    });
    let endpoint = Endpoint {
        path,
        listener: directory.path().metadata().unwrap().uid(),
    };
    let start = Instant::now();
    let answer = endpoint.ask(&question(), patience);
    assert!(matches!(answer, Err(Unanswered::TimedOut)), "{answer:?}");
    // A deadline of its own would make it ten and a half seconds; what is between is for a machine that is busy.
    assert!(
        start.elapsed() < patience * 27 / 16,
        "{:?}",
        start.elapsed()
    );
    agent.join().unwrap();
}
