//! The module as it is loaded: by libpam, into transactions of programs that know nothing of it, with an agent that answers
//! everything but what it should. `cargo xtask asan` plays this under AddressSanitizer.

#[path = "in_pam/transaction.rs"]
mod transaction;

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use daypass_gate::{Response, read_frame};

use transaction::{Phase, Transaction};

/// The doors at which phases of every kind pass by: sshd's with its environment, sudo's with a password.
const SERVICES: [&str; 3] = ["login", "sshd", "daypass-sudo"];
const MANAGED: &str = "4711 deploy\n";

/// What the agent sends to whoever asks; `None`: nothing, until they hang up.
type Answer = Option<Vec<u8>>;

/// PAM's services in a directory of their own, and an agent whose answer can be changed.
struct Stage {
    folder: tempfile::TempDir,
    answer: Arc<Mutex<Answer>>,
}

impl Stage {
    fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("managed"), MANAGED).unwrap();
        fs::create_dir(at("pam.d")).unwrap();
        let place = |name: &str| at(name).display().to_string();
        let ours = format!(
            "{} socket={} managed={} mark={}",
            module().display(),
            place("socket"),
            place("managed"),
            place("mark")
        );
        let kinds = ["auth", "account", "session"];
        let lines =
            kinds.map(|kind| format!("{kind} required pam_permit.so\n{kind} required {ours}\n"));
        for service in SERVICES {
            fs::write(at("pam.d").join(service), lines.concat()).unwrap();
        }
        let answer = Arc::new(Mutex::new(None));
        let listener = UnixListener::bind(at("socket")).unwrap();
        let given = Arc::clone(&answer);
        // Ends with the test's process: nobody asks any more then.
        thread::spawn(move || {
            for link in listener.incoming() {
                let answer = given.lock().unwrap().clone();
                serve(link.unwrap(), answer);
            }
        });
        Self { folder, answer }
    }

    fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
        // Whoever waited in vain is not asked again for a while, which is shown elsewhere.
        let _ = fs::remove_file(self.folder.path().join("mark"));
    }

    fn start(&self, service: &str, user: &str) -> Transaction {
        Transaction::start(&self.folder.path().join("pam.d"), service, user)
    }

    /// The module believes root's socket alone.
    fn is_believed(&self) -> bool {
        self.folder.path().metadata().unwrap().uid() == 0
    }
}

fn serve(mut link: UnixStream, answer: Answer) {
    // Whoever asked may have heard enough at any time.
    let _ = read_frame(&mut link);
    match answer {
        Some(bytes) => drop(link.write_all(&bytes)),
        None => drop(link.read_to_end(&mut Vec::new())),
    }
}

/// Where cargo has put it: beside this test.
fn module() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let module = this.parent().unwrap().join("libpam_daypass.so");
    assert!(module.exists(), "{} is missing", module.display());
    module
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&length.to_be_bytes(), message].concat()
}

fn yes(session_gid: Option<u32>) -> Vec<u8> {
    let answer = Response::Allow {
        handle: 7,
        session_gid,
    };
    framed(&answer.encode().unwrap())
}

/// A refusal as an agent would never send it.
fn no(length: u32, message: &[u8]) -> Vec<u8> {
    let message = [&[1, 130], &length.to_be_bytes()[..], message].concat();
    framed(&message)
}

fn refusal(message: &[u8]) -> Vec<u8> {
    no(u32::try_from(message.len()).unwrap(), message)
}

/// Everything but a yes.
fn nonsense() -> Vec<Vec<u8>> {
    let allow = |group: &[u8]| [&[1, 129, 0, 0, 0, 0, 0, 0, 0, 7], group].concat();
    vec![
        Vec::new(),
        vec![0, 0],
        vec![0, 0, 0, 4, 1],
        vec![0xff; 64],
        framed(b""),
        framed(&[1]),
        framed(&[2, 129]),
        framed(&[1, 1]),
        framed(&[1, 200]),
        framed(&allow(b"\0x")),
        framed(&allow(b"")),
        framed(&allow(&[2])),
        // A group that is no session's.
        framed(&allow(&[1, 0, 0, 0, 27])),
        refusal(b"no\n\x1b[2J\xc2\x9b31m two \xe2\x80\xae"),
        refusal(b"\xff\xfe"),
        refusal(b"a\0b"),
        refusal(&[b'x'; 1024]),
        refusal(&[b'x'; 1025]),
        no(u32::MAX, b"y"),
        framed(&[1, 128, 0, 0, 0, 4, b'r', b'o', b'o', b't']),
        framed(&[1, 131]),
        framed(&[&[1, 131], &[b'z'; 100_000][..]].concat()),
        framed(&vec![b'q'; 139_264]),
    ]
}

#[test]
fn nobody_but_managed_accounts_notices_what_the_agent_answers() {
    let stage = Stage::set();
    let answers = nonsense().into_iter().map(Some).chain([None]);
    for answer in answers {
        for service in ["login", "sshd"] {
            stage.answers(answer.clone());
            let mut olgas = stage.start(service, "olga");
            for phase in [
                Phase::Account,
                Phase::Credentials,
                Phase::Open,
                Phase::Close,
            ] {
                assert!(olgas.passes(phase), "{service}, {phase:?}: {answer:?}");
            }
            assert_eq!(olgas.said(), b"");
        }
    }
}

#[test]
fn a_managed_account_needs_a_yes_and_is_told_nothing_that_a_terminal_obeys() {
    let stage = Stage::set();
    for answer in nonsense() {
        for service in SERVICES {
            stage.answers(Some(answer.clone()));
            let mut deploys = stage.start(service, "deploy");
            for phase in [Phase::Account, Phase::Open] {
                // sudo's session phase tells, and waits for no answer.
                let is_told = (service, phase) == ("daypass-sudo", Phase::Open);
                let expected = is_told && stage.is_believed();
                assert_eq!(
                    deploys.passes(phase),
                    expected,
                    "{service}, {phase:?}: {answer:?}"
                );
            }
            assert_eq!(deploys.prompts(), 0, "{service}: {answer:?}");
            let said = String::from_utf8(deploys.said()).unwrap();
            assert!(!said.trim().is_empty(), "{service}: {answer:?}");
            let obeyed =
                |letter: char| letter != '\n' && (letter.is_control() || letter == '\u{202e}');
            assert!(!said.contains(obeyed), "{said:?}");
        }
    }
}

#[test]
fn a_yes_of_the_agents_is_kept_through_all_phases() {
    let stage = Stage::set();
    for service in SERVICES {
        for gid in [None, Some(1_900_000_001)] {
            stage.answers(Some(yes(gid)));
            let mut deploys = stage.start(service, "deploy");
            for phase in [
                Phase::Account,
                Phase::Credentials,
                Phase::Open,
                Phase::Close,
            ] {
                let refuses_nobody = matches!(phase, Phase::Credentials | Phase::Close);
                let expected = refuses_nobody || stage.is_believed();
                assert_eq!(
                    deploys.passes(phase),
                    expected,
                    "{service}, {phase:?}, {gid:?}"
                );
            }
        }
    }
}

/// sshd's variable can hold whatever a client made of its certificate.
#[test]
fn what_sshd_says_of_keys_is_taken_whatever_it_holds() {
    let stage = Stage::set();
    let infos = [
        Vec::new(),
        b"publickey ssh-ed25519 \xff\xfe".to_vec(),
        b"publickey ssh-ed25519-cert-v01@openssh.com \x1b[2J".to_vec(),
        vec![b'x'; 300_000],
    ];
    for info in infos {
        stage.answers(Some(yes(None)));
        let mut olgas = stage.start("sshd", "olga");
        olgas.put([b"SSH_AUTH_INFO_0=", &info[..]].concat());
        assert!(olgas.passes(Phase::Account));
        assert!(olgas.passes(Phase::Open), "{} bytes", info.len());
    }
}

#[test]
fn a_contractors_sudo_authenticates_nobody_whatever_the_agent_answers() {
    let stage = Stage::set();
    for answer in nonsense().into_iter().chain([yes(None)]) {
        stage.answers(Some(answer.clone()));
        let mut deploys = stage.start("daypass-sudo", "deploy");
        assert!(!deploys.passes(Phase::Authenticate), "{answer:?}");
        assert_eq!(deploys.prompts(), 0, "{answer:?}");
        // Asked again, it tells nothing twice.
        let said = deploys.said();
        assert!(!deploys.passes(Phase::Authenticate));
        assert_eq!(deploys.said(), said, "{answer:?}");
    }
}

#[test]
fn a_name_that_changes_in_the_middle_is_refused_where_it_touches_a_managed_account() {
    let stage = Stage::set();
    // Not its business: what an agent says of people who are not under management.
    stage.answers(Some(framed(&Response::Ignore.encode().unwrap())));
    let open_as = |first: &str, then: &str| {
        let mut transaction = stage.start("sshd", first);
        assert!(transaction.passes(Phase::Account), "{first}");
        transaction.rename(then);
        let passes = transaction.passes(Phase::Open);
        (passes, String::from_utf8(transaction.said()).unwrap())
    };
    assert!(open_as("olga", "guest").0);
    let (passes, said) = open_as("olga", "deploy");
    assert!(!passes && said.contains("the user name changed"), "{said}");
    if stage.is_believed() {
        stage.answers(Some(yes(None)));
        let (passes, said) = open_as("deploy", "olga");
        assert!(!passes && said.contains("the user name changed"), "{said}");
    }
}
