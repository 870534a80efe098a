//! A command that is still running.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::cgroup::Cgroup;
use crate::{Error, Host, Output, Result};

/// How much of a command's output an error shows.
const SHOWN: usize = 4000;

/// Dropped, the command and all that it started on its side are killed; what it asked a service of
/// the host to start lives on.
#[derive(Debug)]
pub struct Running {
    command: String,
    cgroup: Cgroup,
    input: Option<ChildStdin>,
    events: Receiver<Event>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    status: Option<ExitStatus>,
    open_ends: u8,
}

#[derive(Debug)]
enum Event {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    /// Nobody holds one of the two outputs any more.
    End,
    Exit(std::io::Result<ExitStatus>),
}

impl Running {
    pub(crate) fn start(host: &Host, words: &[OsString], command: String) -> Result<Self> {
        let leader = host.leader()?;
        let cgroup = host.next_cgroup()?;
        let mut process = Command::new("sh");
        process
            .args(["-c", "echo 0 > \"$1\" && shift && exec \"$@\"", "sh"])
            .arg(cgroup.entrance())
            .args(["nsenter", "--all", &format!("--target={leader}"), "--"])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = process.spawn().map_err(|source| Error::Process {
            what: "start",
            command: command.clone(),
            source,
        })?;
        let (sender, events) = channel();
        let input = child.stdin.take();
        watch(&mut child, &sender);
        thread::spawn(move || sender.send(Event::Exit(child.wait())));
        Ok(Self {
            command,
            cgroup,
            input,
            events,
            stdout: Vec::new(),
            stderr: Vec::new(),
            status: None,
            open_ends: 2,
        })
    }

    /// Writes to the command's standard input.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(input) = &mut self.input else {
            return Ok(());
        };
        match input.write_all(bytes).and_then(|()| input.flush()) {
            // Whoever does not read its input need not.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::Process {
                what: "write to",
                command: self.command.clone(),
                source: error,
            }),
            _ => Ok(()),
        }
    }

    /// Ends the command's standard input.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Waits until the command has written `text`, to either output, since it started.
    pub fn await_text(&mut self, text: &str, deadline: Duration) -> Result<()> {
        let written =
            |running: &Self| contains(&running.stdout, text) || contains(&running.stderr, text);
        self.advance(
            &format!("{text:?} from `{}`", self.command),
            deadline,
            |running| written(running) || running.ended(),
        )?;
        if written(self) {
            return Ok(());
        }
        let what = format!("{text:?} from `{}`, which ended", self.command);
        Err(Error::Deadline {
            what,
            after: Duration::ZERO,
            seen: self.shown(),
        })
    }

    /// Waits until the command ends; after the deadline it is killed and an error tells.
    pub fn wait(mut self, deadline: Duration) -> Result<Output> {
        let what = format!("the end of `{}`", self.command);
        // A daemon that it left behind may hold its outputs; its own end is what counts then.
        self.advance(&what, deadline, |running| running.status.is_some())?;
        let _ = self.advance(&what, Duration::from_millis(200), Self::ended);
        self.finished().ok_or(Error::Deadline {
            what,
            after: deadline,
            seen: String::new(),
        })
    }

    /// Whether the command has ended by now.
    pub fn has_ended(&mut self) -> bool {
        while let Ok(event) = self.events.try_recv() {
            self.take(event);
        }
        self.status.is_some()
    }

    /// What it has written so far, both outputs.
    pub fn so_far(&mut self) -> (String, String) {
        self.has_ended();
        (
            String::from_utf8_lossy(&self.stdout).into_owned(),
            String::from_utf8_lossy(&self.stderr).into_owned(),
        )
    }

    /// Kills the command and what it started.
    pub fn kill(&self) -> Result<()> {
        self.cgroup.kill()
    }

    /// Takes events in until `enough`.
    fn advance(
        &mut self,
        what: &str,
        deadline: Duration,
        enough: impl Fn(&Self) -> bool,
    ) -> Result<()> {
        let start = Instant::now();
        while !enough(self) {
            let left = deadline.saturating_sub(start.elapsed());
            match self.events.recv_timeout(left) {
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(Error::Deadline {
                        what: what.to_owned(),
                        after: deadline,
                        seen: self.shown(),
                    });
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Stdout(bytes) => self.stdout.extend(bytes),
            Event::Stderr(bytes) => self.stderr.extend(bytes),
            Event::End => self.open_ends = self.open_ends.saturating_sub(1),
            Event::Exit(Ok(status)) => self.status = Some(status),
            Event::Exit(Err(_)) => {}
        }
    }

    fn ended(&self) -> bool {
        self.status.is_some() && self.open_ends == 0
    }

    fn finished(&mut self) -> Option<Output> {
        let status = self.status?;
        let (stdout, stderr) = (
            std::mem::take(&mut self.stdout),
            std::mem::take(&mut self.stderr),
        );
        Some(Output {
            status,
            stdout,
            stderr,
        })
    }

    fn shown(&self) -> String {
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&self.stdout),
            String::from_utf8_lossy(&self.stderr)
        );
        let from = text
            .char_indices()
            .rev()
            .nth(SHOWN)
            .map_or(0, |(index, _)| index);
        text[from..].to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A host that is frozen or gone takes its commands with it.
        let _ = self.cgroup.remove();
    }
}

fn watch(child: &mut Child, sender: &Sender<Event>) {
    if let Some(stdout) = child.stdout.take() {
        forward(stdout, sender.clone(), Event::Stdout);
    }
    if let Some(stderr) = child.stderr.take() {
        forward(stderr, sender.clone(), Event::Stderr);
    }
}

fn forward(mut from: impl Read + Send + 'static, to: Sender<Event>, event: fn(Vec<u8>) -> Event) {
    thread::spawn(move || {
        let mut bytes = [0; 8192];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            if to.send(event(bytes[..length].to_vec())).is_err() {
                return;
            }
        }
        let _ = to.send(Event::End);
    });
}

fn contains(bytes: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(text)
}
