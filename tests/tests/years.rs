//! Certificates over the years, and a CA that lost some of them: what is renewed by itself, who comes back by the SSH host
//! key, and who needs a token. libfaketime turns the clocks of the services and of the people.

#[path = "years/authority.rs"]
mod authority;
#[path = "years/journals.rs"]
mod journals;

use std::time::Duration;

use daypass_tests::{ALICE, BOB, CAROL, Command, Error, Host, MALLORY, Result, Site, until};
use serde_json::Value;

const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
/// An agent that was just restarted asks the CA at once; whoever was refused, within the minute.
const PATIENCE: Duration = Duration::from_secs(150);

/// Some machines, so many days from now.
struct Later {
    site: Site,
    days: u32,
}

impl Later {
    /// What the clock is turned by, for whatever is started with it.
    fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("LD_PRELOAD", FAKETIME.to_owned()),
            ("FAKETIME", format!("+{}d", self.days)),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("FAKETIME_DISABLE_SHM", "1".to_owned()),
        ]
    }

    /// The same command, then.
    fn then<'a>(&self, command: Command<'a>) -> Command<'a> {
        self.environment()
            .iter()
            .fold(command, |command, (name, value)| command.env(name, value))
    }

    /// Lets the days pass, with all services away meanwhile.
    fn pass_to(&mut self, days: u32) -> Result<()> {
        self.days = days;
        let environment = self.environment();
        let environment = environment.map(|(name, value)| format!("{name}={value}"));
        let environment = environment.join(" ");
        for host in self.site.network.hosts() {
            let units = match host.name() {
                "laptop" => continue,
                "server" => "daypass-ca daypass-collector",
                _ => "ssh daypass-agent",
            };
            let turn =
                format!("systemctl set-environment {environment}; systemctl try-restart {units}");
            host.script(&turn).ok()?;
        }
        self.site.await_collector()
    }

    fn server(&self) -> Result<&Host> {
        self.site.network.host("server")
    }

    fn daypass<'a>(&'a self, who: &'a str, words: &[&'a str]) -> Command<'a> {
        let command = self.site.person(who).daypass(words.iter().copied());
        self.then(command)
    }

    /// Carol is let in to these hosts, as `deploy`, and gets in on each.
    fn carol_gets_in(&self, hosts: &[&str]) -> Result<()> {
        let mut words = vec!["request", "--yes", "--for", "1h", "--account", "deploy"];
        words.extend(["--reason", "a test over the years"]);
        words.extend(hosts.iter().flat_map(|host| ["--host", host]));
        let asked = self.daypass(CAROL, &words).ok()?;
        let window = word_starting(&asked, "w-")?;
        self.daypass(BOB, &["approve", "--yes", &window]).ok()?;
        for host in hosts {
            let account = format!("deploy@{host}");
            // What is managed at this moment is known to sshd a moment later.
            let mut said = String::new();
            let got_in = until(&format!("Carol to get in on {host}"), PATIENCE, || {
                let ssh = self.site.person(CAROL).ssh(&account, &["id", "-un"]);
                let output = self.then(ssh).run()?;
                said = output.to_string();
                Ok(output.stdout() == "deploy\n")
            });
            assert!(got_in.is_ok(), "{host}: {said}");
        }
        Ok(())
    }

    /// A token for this host, pasted there.
    fn enroll(&self, host: &str, words: &[&str]) -> Result<()> {
        let token = self.daypass(ALICE, &["host", "token", host]).ok()?;
        let token = word_starting(&token, "daypass-join-1.")?;
        let words = ["daypass-agent", "enroll"].iter().chain(words);
        let enroll = self.site.network.host(host)?.root(words);
        self.then(enroll).input(format!("{token}\n")).ok()?;
        for name in [ALICE, BOB, CAROL, MALLORY] {
            self.daypass(name, &["setup", "--refresh"]).ok()?;
        }
        Ok(())
    }

    /// What the CA says of certificates of `host` that it made anew: whether the host came back, of each.
    fn renewals(&self, host: &str) -> Result<Vec<bool>> {
        let entries = self.site.servers_own_entries("ca")?;
        let entries = entries
            .iter()
            .filter_map(|text| serde_json::from_str::<Value>(text).ok());
        let renewals = entries.filter(|entry| {
            entry["action"] == "host.enrolled"
                && entry["detail"]["renewed"] == true
                && entry["resource"]["host"] == host
        });
        Ok(renewals
            .map(|entry| entry["detail"]["came_back"] == true)
            .collect())
    }

    fn await_renewals(&self, host: &str, expected: &[bool]) -> Result<()> {
        let mut found = Vec::new();
        let renewed = until(
            &format!("{host} to renew its certificates"),
            PATIENCE,
            || {
                found = self.renewals(host)?;
                Ok(found == expected)
            },
        );
        assert!(renewed.is_ok(), "{host}: {found:?}");
        Ok(())
    }

    /// Waits until the X.509 roots that this host, or the server's collector, trusts are so many.
    fn await_roots(&self, host: &str, count: &str) -> Result<()> {
        let file = match host {
            "server" => "/var/lib/daypass/collector/root.pem",
            _ => "/var/lib/daypass/agent/root.pem",
        };
        let host = self.site.network.host(host)?;
        let grep = ["grep", "-c", "BEGIN CERTIFICATE", file];
        until(&format!("{file} to hold {count} roots"), PATIENCE, || {
            Ok(host.root(grep).run()?.stdout().trim() == count)
        })
    }

    /// Serial and end of the certificate by which CA or collector serve.
    fn served(&self, whose: &str) -> Result<String> {
        let show = format!(
            "openssl s_client -connect localhost:{whose} </dev/null 2>/dev/null | openssl x509 -noout -serial -enddate"
        );
        self.server()?.script(&show).ok()
    }
}

const CA_PORT: &str = "7443";
const COLLECTOR_PORT: &str = "7444";

fn word_starting(text: &str, start: &str) -> Result<String> {
    let word = text.split_whitespace().find(|word| word.starts_with(start));
    word.map(ToOwned::to_owned).ok_or_else(|| Error::NotShown {
        what: start.to_owned(),
        text: text.to_owned(),
    })
}

#[test]
fn certificates_are_renewed_by_themselves_and_after_an_absence_by_the_ssh_host_key() -> Result<()> {
    let site = Site::with_managed(&["db1"])?;
    site.let_people_ask_often()?;
    let mut later = Later { site, days: 0 };
    let first = [later.served(CA_PORT)?, later.served(COLLECTOR_PORT)?];
    // At two thirds of 30 days the host renews, by what it has.
    later.pass_to(19)?;
    later.carol_gets_in(&["db1"])?;
    assert!(later.renewals("db1")?.is_empty());
    later.pass_to(21)?;
    later.await_renewals("db1", &[false])?;
    later.carol_gets_in(&["db1"])?;
    assert_eq!(
        [later.served(CA_PORT)?, later.served(COLLECTOR_PORT)?],
        first
    );
    // Away until that has ended; and two thirds of the servers' 90 days are over.
    later.pass_to(62)?;
    later.await_renewals("db1", &[false, true])?;
    for (port, before) in [(CA_PORT, &first[0]), (COLLECTOR_PORT, &first[1])] {
        until("the server's certificate to be renewed", PATIENCE, || {
            Ok(later.served(port)? != *before)
        })?;
    }
    // Carol's ssh asks nothing and takes no key that it does not know: the host's certificate is a new one, too.
    later.carol_gets_in(&["db1"])
}

#[test]
fn hosts_go_on_with_a_restored_ca_and_whom_it_does_not_know_comes_back_by_a_token() -> Result<()> {
    let site = Site::found(&["db1", "db2"])?;
    site.enrol("db1")?;
    for host in ["db1", "db2"] {
        site.network.host(host)?.add_user("deploy")?;
    }
    site.manage("db1", "deploy")?;
    site.let_people_ask_often()?;
    let mut later = Later { site, days: 0 };
    let backup = ["daypass-ca", "backup", "/root/ca.tar"];
    later.server()?.root(backup).ok()?;
    // After the backup db1 renews its certificates, and db2 is enrolled.
    later.pass_to(21)?;
    later.await_renewals("db1", &[false])?;
    later.enroll("db2", &[])?;
    later.site.manage("db2", "deploy")?;
    later.carol_gets_in(&["db1", "db2"])?;

    // The server's disk is lost, as far as the CA goes.
    let lose =
        "systemctl stop daypass-ca; mv /var/lib/daypass/ca /root/lost; rm /etc/daypass/ca.toml";
    later.server()?.script(lose).ok()?;
    let restore = ["daypass-ca", "restore", "/root/ca.tar"];
    later.then(later.server()?.root(restore)).ok()?;
    let start = ["systemctl", "start", "daypass-ca"];
    later.server()?.root(start).ok()?;
    // Nobody does anything at db1, whose certificate the CA does not know.
    later.await_renewals("db1", &[true])?;
    later.carol_gets_in(&["db1"])?;
    // db2 is nobody to it, until an admin says so.
    let stranger = later.daypass(ALICE, &["host", "list"]).ok()?;
    assert!(!stranger.contains("db2"), "{stranger}");
    let instead = later.daypass(ALICE, &["host", "token", "db2", "--replace"]);
    let instead = instead.run()?;
    assert!(
        instead.stderr().contains("leave --replace out"),
        "{instead}"
    );
    later.enroll("db2", &["--anew"])?;
    later.carol_gets_in(&["db2", "db1"])
}

#[test]
fn hosts_refuse_a_ca_from_before_its_state_key_was_renewed_until_they_are_enrolled_anew()
-> Result<()> {
    let site = Site::with_managed(&["db1"])?;
    site.let_people_ask_often()?;
    let later = Later { site, days: 0 };
    let (server, db1) = (later.server()?, later.site.network.host("db1")?);
    let state_key = || -> Result<String> {
        let text = server
            .root(["cat", "/var/lib/daypass/ca/keys/state.pub"])
            .ok()?;
        let key = text.split_whitespace().nth(1);
        Ok(key.unwrap_or_default().to_owned())
    };
    server.script("daypass-ca backup /root/ca.tar").ok()?;
    let first = state_key()?;
    let renew = "systemctl stop daypass-ca; daypass-ca key renew-state; systemctl start daypass-ca";
    server.script(renew).ok()?;
    let second = state_key()?;
    assert_ne!(first, second);
    let grep = ["grep", "-rqF", &second, "/var/lib/daypass/agent"];
    until("db1 to follow to the next state key", PATIENCE, || {
        Ok(db1.root(grep).run()?.success())
    })?;
    later.carol_gets_in(&["db1"])?;

    let back = "systemctl stop daypass-ca; mv /var/lib/daypass/ca /root/lost; rm /etc/daypass/ca.toml; \
        daypass-ca restore /root/ca.tar; systemctl start daypass-ca";
    server.script(back).ok()?;
    assert_eq!(state_key()?, first);
    let refused = ["\"outcome\":\"failed\"", "state-refused"];
    later
        .site
        .await_entry_within("db1", "state.taken", &refused, PATIENCE)?;
    // As the guide says.
    let token = later.daypass(ALICE, &["host", "token", "db1", "--replace"]);
    let token = word_starting(&token.ok()?, "daypass-join-1.")?;
    let enroll = db1.root(["daypass-agent", "enroll", "--anew"]);
    enroll.input(format!("{token}\n")).ok()?;
    for name in [ALICE, BOB, CAROL, MALLORY] {
        later.daypass(name, &["setup", "--refresh"]).ok()?;
    }
    later.carol_gets_in(&["db1"])
}

#[test]
fn an_ephemeral_host_that_is_powered_off_has_said_everything_and_is_missed_by_nobody() -> Result<()>
{
    let site = Site::found(&["db1"])?;
    let later = Later { site, days: 0 };
    later.enroll("db1", &["--ephemeral"])?;
    later.site.await_reader(BOB)?;
    let db1 = later.site.network.host("db1")?;
    // The agent alone may stop as often as it likes.
    db1.root(["systemctl", "restart", "daypass-agent"]).ok()?;
    let listed = || later.daypass(ALICE, &["host", "list"]).ok();
    assert!(listed()?.contains("db1"));
    db1.shut_down()?;
    assert!(!listed()?.contains("db1"));
    let entries = later.site.servers_own_entries("ca")?;
    let retired = entries
        .iter()
        .filter_map(|text| serde_json::from_str::<Value>(text).ok())
        .find(|entry| entry["action"] == "host.retired");
    let retired = retired.unwrap_or_default();
    assert_eq!(retired["resource"]["host"], "db1");
    // All of it is there, to its last word, after which only the journal's own closing words come. The collector indexes what it
    // has stored a moment later.
    let stops = ["--host", "db1", "--action", "agent.stop"];
    let farewell = || -> Result<Option<Value>> {
        let said = later.site.collected(BOB, &stops)?;
        Ok(said
            .iter()
            .filter_map(|text| serde_json::from_str::<Value>(text).ok())
            .find(|entry| entry["detail"]["retires"] == true))
    };
    until("db1's farewell to be found", PATIENCE, || {
        Ok(farewell()?.is_some())
    })?;
    let farewell = farewell()?;
    let last = farewell.and_then(|entry| entry["seq"].as_u64());
    let behind = retired["detail"]["entries"].as_u64().zip(last);
    assert!(
        behind.is_some_and(|(entries, last)| (last + 2..=last + 3).contains(&entries)),
        "{retired} {last:?}"
    );
    Ok(())
}

#[test]
fn an_ephemeral_host_whose_journal_has_not_got_out_goes_on_being_expected() -> Result<()> {
    let site = Site::found(&["db1"])?;
    let later = Later { site, days: 0 };
    later.enroll("db1", &["--ephemeral"])?;
    let stop = ["systemctl", "stop", "daypass-collector"];
    later.server()?.root(stop).ok()?;
    later.site.network.host("db1")?.shut_down()?;
    let listed = later.daypass(ALICE, &["host", "list"]).ok()?;
    assert!(listed.contains("db1"), "{listed}");
    let entries = later.site.servers_own_entries("ca")?;
    assert!(!entries.iter().any(|entry| entry.contains("host.retired")));
    Ok(())
}

#[test]
fn the_x509_root_changes_hands_and_everybody_follows() -> Result<()> {
    let site = Site::with_managed(&["db1", "db2"])?;
    site.let_people_ask_often()?;
    let later = Later { site, days: 0 };
    let step = |step: &str| {
        let script = format!("daypass-ca key {step} x509-root && systemctl restart daypass-ca");
        later.server()?.script(&script).ok()
    };
    let both_follow = |count: &str| {
        later.await_roots("db1", count)?;
        later.await_roots("server", count)
    };
    let first = later.served(COLLECTOR_PORT)?;
    step("add")?;
    both_follow("2")?;
    // One that has heard of both, and is away from now on until the first is gone.
    later.await_roots("db2", "2")?;
    let db2 = later.site.network.host("db2")?;
    db2.script("systemctl stop daypass-agent.socket daypass-principals.socket daypass-agent")
        .ok()?;
    for name in [ALICE, BOB, CAROL, MALLORY] {
        later.daypass(name, &["setup", "--refresh"]).ok()?;
    }
    step("use")?;
    // An agent looks once an hour, and when it starts.
    let db1 = later.site.network.host("db1")?;
    db1.root(["systemctl", "restart", "daypass-agent"]).ok()?;
    later.await_renewals("db1", &[false])?;
    until("the collector to renew its certificate", PATIENCE, || {
        Ok(later.served(COLLECTOR_PORT)? != first)
    })?;
    later.carol_gets_in(&["db1"])?;
    step("retire")?;
    both_follow("1")?;
    for name in [ALICE, BOB, CAROL, MALLORY] {
        later.daypass(name, &["setup", "--refresh"]).ok()?;
    }
    db1.root(["systemctl", "restart", "daypass-agent"]).ok()?;
    later.carol_gets_in(&["db1"])?;
    later.site.await_cosigned("db1")?;
    // TLS takes db2's certificate no more, and nobody does anything there: its SSH host key speaks for it.
    assert!(later.renewals("db2")?.is_empty());
    db2.root(["systemctl", "start", "daypass-agent"]).ok()?;
    later.await_renewals("db2", &[true])?;
    later.await_roots("db2", "1")?;
    later.carol_gets_in(&["db2"])?;
    later.site.await_cosigned("db2")
}
