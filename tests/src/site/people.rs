//! People at the laptop, and what they ask for.

use std::time::Duration;

use super::{SOON, Site};
use crate::command::Command;
use crate::{Host, Result, Running};

/// Somebody with a Unix account, a key and daypass on the laptop.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    site: &'a Site,
    name: &'a str,
}

/// What a window is asked for.
#[derive(Clone, Debug)]
pub struct Wish {
    words: Vec<String>,
}

/// Makes the account and an SSH key in it.
pub(super) fn make(laptop: &Host, name: &str) -> Result<()> {
    laptop.add_user(name)?;
    laptop.user(name, ["mkdir", "-m700", ".ssh"]).ok()?;
    let key = [
        "ssh-keygen",
        "-q",
        "-t",
        "ed25519",
        "-N",
        "",
        "-C",
        name,
        "-f",
        ".ssh/id_ed25519",
    ];
    laptop.user(name, key).ok().map(drop)
}

/// The public half of a person's key.
pub(super) fn public_key(laptop: &Host, name: &str) -> Result<Vec<u8>> {
    laptop.read(&format!("/home/{name}/.ssh/id_ed25519.pub"))
}

impl<'a> Person<'a> {
    pub(super) fn new(site: &'a Site, name: &'a str) -> Self {
        Self { site, name }
    }

    fn laptop(&self) -> &'a Host {
        self.site
            .network
            .host("laptop")
            .unwrap_or_else(|error| panic!("every site has a laptop: {error}"))
    }

    /// `daypass …` as this person.
    pub fn daypass<'b>(&self, words: impl IntoIterator<Item = &'b str>) -> Command<'a> {
        self.command(["daypass"].into_iter().chain(words))
    }

    /// Any command as this person, at the laptop.
    pub fn command<'b>(&self, words: impl IntoIterator<Item = &'b str>) -> Command<'a> {
        self.laptop().user(self.name, words)
    }

    /// `daypass setup`, with the line that `daypass-server init` printed.
    pub fn set_up(&self) -> Result<String> {
        let line = self.site.setup_line();
        self.daypass([
            "setup",
            line,
            "--person",
            self.name,
            "--key",
            ".ssh/id_ed25519",
            "--write-ssh-config",
        ])
        .ok()
    }

    /// Plain `ssh DESTINATION WORDS`, which asks nothing.
    pub fn ssh<'b>(&self, destination: &'b str, words: &[&'b str]) -> Command<'a> {
        let ssh = ["ssh", "-oBatchMode=yes", "-oConnectTimeout=10", destination];
        self.command(ssh.into_iter().chain(words.iter().copied()))
    }

    /// `ssh -t` on a terminal, running a command that stays.
    pub fn terminal(&self, destination: &str, command: &str) -> Result<Running> {
        self.command(["ssh", "-tt", "-oConnectTimeout=10", destination, command])
            .spawn_on_terminal()
    }

    /// Asks for a window; gives its id.
    pub fn request(&self, wish: &Wish) -> Result<String> {
        let words = ["request", "--yes"].into_iter().chain(wish.words());
        super::word_starting(&self.daypass(words).ok()?, "w-")
    }

    /// Grants a window to somebody; gives its id.
    pub fn grant(&self, to: &str, wish: &Wish) -> Result<String> {
        let words = ["grant", "--yes", "--to", to]
            .into_iter()
            .chain(wish.words());
        super::word_starting(&self.daypass(words).ok()?, "w-")
    }

    /// Approves a window.
    pub fn approve(&self, window: &str) -> Result<String> {
        self.daypass(["approve", "--yes", window]).within(SOON).ok()
    }
}

impl Wish {
    /// The account `deploy` of a host, from now on, with a reason.
    #[must_use]
    pub fn deploy_on(host: &str, time: Duration) -> Self {
        let time = format!("{}s", time.as_secs());
        let words = [
            "--host",
            host,
            "--account",
            "deploy",
            "--for",
            &time,
            "--reason",
            "a test of the window",
        ];
        Self {
            words: words.map(ToOwned::to_owned).to_vec(),
        }
    }

    /// One more option of `daypass request`.
    #[must_use]
    pub fn with(mut self, option: &str, value: &str) -> Self {
        self.words.extend([option.to_owned(), value.to_owned()]);
        self
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }
}
