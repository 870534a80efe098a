//! Follows what sshd says in the system's journal, by `journalctl`.
//!
//! Who wrote a line is what journald heard from the kernel, not what the line says: only those of root's processes count,
//! and the process that wrote one is the one that the kernel named.

use std::fs;
use std::io::{self, BufRead, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use crate::aside;

/// Lines that are longer are passed over; sshd's own are up to a thousand bytes.
const MOST: usize = 64 * 1024;
/// Between two looks at whether anybody wants to hear.
const LOOK: Duration = Duration::from_secs(5);
/// Before a `journalctl` that ended is started again, at least and at most.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// What one of sshd's processes said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The process: the monitor of a connection, for all that is said of one.
    pub pid: i32,
    /// Its words.
    pub message: String,
}

/// One reader of the journal, from some moment on.
#[derive(Debug)]
pub struct Log {
    program: PathBuf,
    /// Where this machine's id is.
    machine: PathBuf,
    /// Up to where it was read.
    cursor: Option<String>,
}

/// A line of `journalctl -o json`.
#[derive(Debug, Deserialize)]
struct Shown {
    #[serde(rename = "__CURSOR")]
    cursor: String,
    #[serde(rename = "_PID")]
    pid: String,
    /// A list of numbers where it is not text, and nothing where it is too long.
    #[serde(rename = "MESSAGE")]
    message: serde_json::Value,
}

impl Log {
    /// The system's own.
    #[must_use]
    pub fn of_the_system() -> Self {
        Self::read_by("/usr/bin/journalctl", "/etc/machine-id")
    }

    fn read_by(program: impl Into<PathBuf>, machine: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            machine: machine.into(),
            cursor: None,
        }
    }

    /// Hands on all that is said from now on, as long as somebody wants to hear it, for ever.
    pub fn run(mut self, is_wanted: impl Fn() -> bool, heed: impl Fn(&Line)) {
        let mut pause = PAUSES[0];
        let mut trouble = None;
        let mut since = SystemTime::now();
        loop {
            if !is_wanted() {
                // Whoever is to be heard of when it is looked next is so from now on, at the earliest.
                since = SystemTime::now();
                thread::sleep(LOOK);
                continue;
            }
            let begun = Instant::now();
            let why = match self.follow(since, &heed) {
                Ok(()) => "it ended".to_owned(),
                Err(error) => error.to_string(),
            };
            if begun.elapsed() > PAUSES[1] {
                (pause, trouble) = (PAUSES[0], None);
            }
            // Once, not at every try.
            if trouble.as_ref() != Some(&why) {
                let program = self.program.display();
                aside::tell(&format!(
                    "logins that sshd refuses without asking are not journalled while {program} does not run: {why}"
                ));
                trouble = Some(why);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(PAUSES[1]);
        }
    }

    /// Until the program ends. To follow means to follow this boot alone, by an id that in a container is another one for whoever
    /// has a `/proc/sys` of their own; to merge means every boot, and every machine that sends its journal here.
    fn follow(&mut self, since: SystemTime, heed: impl Fn(&Line)) -> io::Result<()> {
        let from = match &self.cursor {
            Some(cursor) => format!("--after-cursor={cursor}"),
            None => {
                let since = since.duration_since(UNIX_EPOCH).unwrap_or_default();
                format!("--since=@{}", since.as_secs())
            }
        };
        let machine = fs::read_to_string(&self.machine)?;
        let mut child = Command::new(&self.program)
            .args([
                "--follow",
                "--merge",
                "--no-tail",
                "--quiet",
                "--output=json",
            ])
            .args(["--output-fields=MESSAGE,_PID", &from])
            // What stands for one field is one or the other, different fields are both.
            .args(["_UID=0", "_TRANSPORT=syslog"])
            .arg(format!("_MACHINE_ID={}", machine.trim()))
            .args(
                ["sshd", "sshd-session", "sshd-auth"]
                    .map(|name| format!("SYSLOG_IDENTIFIER={name}")),
            )
            .env_clear()
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let heard = match child.stdout.take() {
            Some(output) => self.hear(&mut BufReader::new(output), heed),
            None => Ok(()),
        };
        // It has ended, or says what nobody can read.
        let _ = child.kill();
        child.wait()?;
        heard
    }

    fn hear(&mut self, output: &mut impl BufRead, heed: impl Fn(&Line)) -> io::Result<()> {
        let mut text = Vec::new();
        while next(output, &mut text)? {
            let Ok(shown) = serde_json::from_slice::<Shown>(&text) else {
                continue;
            };
            if let (Ok(pid), Some(message)) = (shown.pid.parse(), shown.message.as_str()) {
                heed(&Line {
                    pid,
                    message: message.to_owned(),
                });
            }
            self.cursor = Some(shown.cursor);
        }
        Ok(())
    }
}

/// The next line, empty where it is too long; whether there is one.
fn next(output: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let most = u64::try_from(MOST).unwrap_or(u64::MAX);
    if output.by_ref().take(most).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.len() == MOST && !line.ends_with(b"\n") {
        output.skip_until(b'\n')?;
        line.clear();
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::sudoers::script;

    #[test]
    fn what_is_said_is_handed_on_and_what_is_no_line_of_it_is_passed_over() {
        let long = "x".repeat(MOST);
        let output = format!(
            "{{\"__CURSOR\":\"a\",\"_PID\":\"7\",\"MESSAGE\":\"one\"}}\n\
             no line\n\
             {{\"__CURSOR\":\"b\",\"_PID\":\"7\",\"MESSAGE\":\"{long}\"}}\n\
             {{\"__CURSOR\":\"c\",\"_PID\":\"7\",\"MESSAGE\":null}}\n\
             {{\"__CURSOR\":\"d\",\"_PID\":\"seven\",\"MESSAGE\":\"odd\"}}\n\
             {{\"__CURSOR\":\"e\",\"_PID\":\"8\",\"MESSAGE\":\"two\",\"_BOOT_ID\":\"f\"}}\n"
        );
        let heard = RefCell::new(Vec::new());
        let mut log = Log::read_by("/nonexistent", "/nonexistent");
        let heed = |line: &Line| heard.borrow_mut().push((line.pid, line.message.clone()));
        log.hear(&mut output.as_bytes(), heed).unwrap();
        assert_eq!(heard.take(), [(7, "one".to_owned()), (8, "two".to_owned())]);
        assert_eq!(log.cursor.as_deref(), Some("e"));
    }

    #[test]
    fn the_program_is_asked_for_the_lines_of_this_machines_root_alone_and_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let asked = folder.path().join("asked");
        let says = r#"{"__CURSOR":"a","_PID":"7","MESSAGE":"one"}"#;
        let text = format!("echo \"$*\" >> {}\necho '{says}'", asked.display());
        let program = script(folder.path(), "journalctl", &text);
        let machine = folder.path().join("machine-id");
        fs::write(&machine, "b304\n").unwrap();
        let mut log = Log::read_by(program, machine);
        for _ in 0..2 {
            log.follow(UNIX_EPOCH + Duration::from_secs(12), |_| {})
                .unwrap();
        }
        let asked = fs::read_to_string(asked).unwrap();
        let (first, second) = asked.trim().split_once('\n').unwrap();
        let mine = "_UID=0 _TRANSPORT=syslog _MACHINE_ID=b304 ";
        for (asked, from) in [(first, "--since=@12"), (second, "--after-cursor=a")] {
            assert!(asked.contains("--merge"), "{asked}");
            assert!(asked.contains(&format!("{from} {mine}")), "{asked}");
        }
    }
}
