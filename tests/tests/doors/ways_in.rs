//! Tools that make more of plain ssh than a login: ansible, with many tasks over one connection that it keeps; an editor,
//! with several connections and a server that it leaves behind.

use std::time::Duration;

use daypass_tests::{BOB, CAROL, Result, Running, SOON, Site, Wish};

use crate::Rows;
use crate::ends::nothing_is_left;
use crate::windows::carol_gets;

const HOUR: Duration = Duration::from_secs(3600);
/// A play starts a python here and another one there for each task.
const PATIENCE: Duration = Duration::from_secs(180);
const PLAY: &str = include_str!("play.yml");
const BOOTSTRAP: &str = include_str!("bootstrap.sh");
const THROUGH: &str = include_str!("through.py");

pub(crate) const ROWS: &Rows = &[
    (
        "ansible_plays_what_the_window_grants_and_its_connection_ends_with_the_window",
        ansible,
    ),
    (
        "an_editors_connections_and_the_server_it_leaves_behind_end_with_the_window",
        editor,
    ),
];

/// The window ends by the clock, a few seconds from now, and with it all that came by it.
fn ends(site: &Site, window: &str) -> Result<()> {
    let soon = ["narrow", window, "--until", "5s"];
    site.person(BOB).daypass(soon).ok()?;
    let end = site.await_entry("db1", "session.end", &[window])?;
    assert!(end.contains("window-ended"), "{end}");
    nothing_is_left(site)
}

/// The window's entries of this kind.
fn entries(site: &Site, window: &str, action: &str) -> Result<Vec<String>> {
    let action = format!("\"action\":\"{action}\"");
    let is_wanted = |entry: &String| entry.contains(&action) && entry.contains(window);
    Ok(site.entries("db1")?.into_iter().filter(is_wanted).collect())
}

/// With its defaults, and with pipelining, which copies no files and takes no terminal.
fn ansible(site: &Site) -> Result<()> {
    site.network
        .host("laptop")?
        .write("/var/tmp/play.yml", PLAY)?;
    for pipelining in ["False", "True"] {
        named_commands(site, pipelining)?;
        anything(site, pipelining)?;
    }
    shell_of_another(site)
}

/// A shell on the laptop from which Carol plays, so that what ansible leaves behind there goes on.
struct Desk<'a> {
    site: &'a Site,
    shell: Running,
    pipelining: &'a str,
    plays: u32,
}

struct Played {
    code: String,
    said: String,
}

impl<'a> Desk<'a> {
    fn with(site: &'a Site, pipelining: &'a str) -> Result<Self> {
        Ok(Self {
            site,
            shell: site.person(CAROL).command(["sh"]).spawn()?,
            pipelining,
            plays: 0,
        })
    }

    fn play(&mut self, tag: &str) -> Result<Played> {
        self.plays += 1;
        let (before, _) = self.shell.so_far();
        let end = format!(" is the end of play {}\n", self.plays);
        let line = format!(
            "ANSIBLE_PIPELINING={} ansible-playbook --verbose --inventory=db1, --user=deploy --tags={tag} \
             /var/tmp/play.yml </dev/null 2>&1; echo $?'{}'\n",
            self.pipelining,
            end.trim_end(),
        );
        self.shell.write(line.as_bytes())?;
        self.shell.await_text(&end, PATIENCE)?;
        let (said, _) = self.shell.so_far();
        let said = said[before.len()..].trim_end_matches(&end);
        let (said, code) = said.rsplit_once('\n').unwrap_or_default();
        Ok(Played {
            code: code.to_owned(),
            said: said.to_owned(),
        })
    }

    fn plays(&mut self, tag: &str) -> Result<String> {
        let Played { code, said } = self.play(tag)?;
        assert_eq!(code, "0", "{tag}: {said}");
        Ok(said)
    }

    /// `become` has sudo run a shell, which no named command grants. ansible passes on what sudo says.
    fn is_refused_become(&mut self, window: &str) -> Result<()> {
        let Played { code, said } = self.play("become")?;
        assert_ne!(code, "0", "{said}");
        assert!(said.contains(&format!("daypass show {window}")), "{said}");
        let line = ["sudo -H -S -n", "BECOME-SUCCESS-", "sudo-not-granted"];
        let parts = [&[window][..], &line].concat();
        self.site
            .await_entry("db1", "sudo.denied", &parts)
            .map(drop)
    }

    /// All of it went through one connection, which is still there, and goes with its window.
    fn ends_with(self, window: &str) -> Result<()> {
        assert_eq!(entries(self.site, window, "session.open")?.len(), 1);
        assert!(entries(self.site, window, "session.close")?.is_empty());
        ends(self.site, window)?;
        let laptop = self.site.network.host("laptop")?;
        laptop.await_condition("! pgrep -u carol -f ansible/cp", SOON)
    }
}

fn named_commands(site: &Site, pipelining: &str) -> Result<()> {
    let restart = "/usr/bin/systemctl restart cron.service";
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR).with("--sudo", restart))?;
    let mut desk = Desk::with(site, pipelining)?;
    desk.plays("granted")?;
    let db1 = site.network.host("db1")?;
    assert_eq!(db1.read("/home/deploy/left-by-ansible")?, b"by ansible\n");
    db1.root(["rm", "/home/deploy/left-by-ansible"]).ok()?;
    for action in ["sudo.request", "sudo.start", "sudo.end"] {
        site.await_entry("db1", action, &[&window, restart])?;
    }
    desk.is_refused_become(&window)?;
    desk.ends_with(&window)
}

fn anything(site: &Site, pipelining: &str) -> Result<()> {
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR).with("--sudo", "ALL"))?;
    let mut desk = Desk::with(site, pipelining)?;
    let said = desk.plays("become")?;
    assert!(said.contains("\"stdout\": \"root\""), "{said}");
    for action in ["sudo.request", "sudo.start", "sudo.end"] {
        site.await_entry("db1", action, &[&window, "BECOME-SUCCESS-"])?;
    }
    desk.ends_with(&window)
}

/// Somebody else's shell is enough to become them, and nobody more.
fn shell_of_another(site: &Site) -> Result<()> {
    let wish = Wish::deploy_on("db1", HOUR).with("--sudo", "(nobody) /bin/sh");
    let window = carol_gets(site, &wish)?;
    let mut desk = Desk::with(site, "True")?;
    let said = desk.plays("become_nobody")?;
    assert!(said.contains("\"stdout\": \"nobody\""), "{said}");
    let line = [&window, "-u nobody", "BECOME-SUCCESS-"];
    site.await_entry("db1", "sudo.start", &line)?;
    desk.is_refused_become(&window)?;
    desk.ends_with(&window)
}

/// As Remote-SSH of VS Code does it: a script to `bash` on one connection, a second connection at once.
fn editor(site: &Site) -> Result<()> {
    let laptop = site.network.host("laptop")?;
    laptop.write("/var/tmp/through.py", THROUGH)?;
    let db1 = site.network.host("db1")?;
    db1.root(["rm", "-rf", "/home/deploy/.editor-server"])
        .ok()?;
    without_forwarding(site)?;
    with_forwarding(site)
}

/// Logs in, leaves the server behind unless it is there; gives the port on which that listens. Connections to `way` here
/// go wherever they ask to on the other side, those to the next port to the server's socket.
fn connect(site: &Site, way: u16) -> Result<(Running, String)> {
    let (any, socket) = (format!("-D127.0.0.1:{way}"), way + 1);
    let socket = format!("-L127.0.0.1:{socket}:/home/deploy/.editor-server/socket");
    let words = [
        "ssh",
        "-T",
        "-oBatchMode=yes",
        "-oConnectTimeout=15",
        "-oExitOnForwardFailure=yes",
        &any,
        &socket,
        "deploy@db1",
        "bash",
    ];
    let mut connection = site.person(CAROL).command(words).spawn()?;
    connection.write(BOOTSTRAP.as_bytes())?;
    connection.await_text("==\n", SOON)?;
    let (said, _) = connection.so_far();
    let port = said.split("==").nth(1).unwrap_or_default().to_owned();
    Ok((connection, port))
}

/// What the server says to those who come by the one way and by the other.
fn greetings(site: &Site, way: u16, port: &str) -> Result<[String; 2]> {
    let (any, socket) = (way.to_string(), (way + 1).to_string());
    let through = |words: &[&str]| {
        let python = ["python3", "/var/tmp/through.py"];
        let words = python.into_iter().chain(words.iter().copied());
        site.person(CAROL).command(words).ok()
    };
    Ok([through(&[&any, port])?, through(&[&socket])?])
}

/// The login goes on, and sshd says what it does not permit.
fn without_forwarding(site: &Site) -> Result<()> {
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let (mut connection, port) = connect(site, 4100)?;
    assert_eq!(greetings(site, 4100, &port)?, ["", ""]);
    daypass_tests::until("what ssh says of both", SOON, || {
        let (_, told) = connection.so_far();
        let refused = told.matches(": open failed: ").count();
        Ok(refused == 2 && told.contains("administratively prohibited"))
    })?;
    connection.write(b"echo still here\n")?;
    connection.await_text("still here", SOON)?;
    ends(site, &window)?;
    assert!(!connection.wait(SOON)?.success());
    // Its own sign of being there is all that is left of the server.
    let db1 = site.network.host("db1")?;
    db1.root(["rm", "-r", "/home/deploy/.editor-server"])
        .ok()
        .map(drop)
}

fn with_forwarding(site: &Site) -> Result<()> {
    let wish = Wish::deploy_on("db1", HOUR).with("--permit", "pty,port-forwarding");
    let window = carol_gets(site, &wish)?;
    let (first, port) = connect(site, 4110)?;
    let (second, same) = connect(site, 4120)?;
    assert_eq!(port, same, "one server serves both");
    let [greeting, by_socket] = greetings(site, 4110, &port)?;
    assert!(greeting.starts_with("editor server "), "{greeting:?}");
    assert_eq!(greeting, by_socket);
    assert_eq!(greetings(site, 4120, &port)?, [greeting.clone(), greeting]);
    assert_eq!(entries(site, &window, "session.open")?.len(), 2);
    ends(site, &window)?;
    for connection in [first, second] {
        assert!(!connection.wait(SOON)?.success());
    }
    daypass_tests::until("an end of both", SOON, || {
        let ended = entries(site, &window, "session.end")?;
        let is_named = ended.iter().any(|entry| entry.contains("\"python3"));
        Ok(ended.len() == 2 && is_named)
    })
}
