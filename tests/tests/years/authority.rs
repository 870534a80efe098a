//! The CA's own keys over the years: those that root changes by hand, the one that changes by itself, and the one that is left
//! when no admin is.

use daypass_tests::{ALICE, BOB, CAROL, MALLORY, Result, Site, until};
use serde_json::Value;

use super::{COLLECTOR_PORT, Later, PATIENCE};

/// What root changes by hand.
const BY_HAND: [&str; 3] = ["user-ca", "host-ca", "x509-root"];
/// Within this the collector's certificate lives; a host's does not, and it comes back.
const STEP: u32 = 85;

impl Later {
    /// One step of the rotation of each of them, and the start from which on it counts.
    fn rotate(&self, step: &str) -> Result<()> {
        let server = self.server()?;
        for key in BY_HAND {
            let command = server.root(["daypass-ca", "key", step, key]);
            self.then(command).ok()?;
        }
        server.root(["systemctl", "restart", "daypass-ca"]).ok()?;
        self.people_hear()
    }

    fn people_hear(&self) -> Result<()> {
        let refresh = "the CA to answer people";
        for name in [ALICE, BOB, CAROL, MALLORY] {
            until(refresh, PATIENCE, || {
                Ok(self.daypass(name, &["setup", "--refresh"]).run()?.success())
            })?;
        }
        Ok(())
    }

    /// Waits until the collector serves by another certificate than `served`, which then is the one of now. It has to before
    /// the next step, which that one would not live to.
    fn await_collectors_renewal(&self, served: &mut String) -> Result<()> {
        until("the collector to renew its certificate", PATIENCE, || {
            let now = self.served(COLLECTOR_PORT)?;
            Ok(std::mem::replace(served, now.clone()) != now)
        })
    }

    /// The keys that have signed the state, in order, as the CA's journal says at each of its starts.
    fn state_keys(&self) -> Result<Vec<String>> {
        let entries = self.site.servers_own_entries("ca")?;
        let entries = entries
            .iter()
            .filter_map(|text| serde_json::from_str::<Value>(text).ok());
        let starts = entries.filter(|entry| entry["action"] == "ca.start");
        let mut keys: Vec<String> = starts
            .map(|entry| entry["detail"]["state_key"].to_string())
            .collect();
        keys.dedup();
        Ok(keys)
    }

    /// The keys that this host's sshd trusts for people's certificates, without comments.
    fn trusted(&self, host: &str) -> Result<Vec<String>> {
        let host = self.site.network.host(host)?;
        let text = host.root(["cat", "/etc/daypass/ssh/user_ca.pub"]).ok()?;
        let keys = text
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1));
        Ok(keys.map(ToOwned::to_owned).collect())
    }
}

#[test]
fn the_cas_own_keys_change_over_the_years_and_whoever_was_away_follows() -> Result<()> {
    let site = Site::with_managed(&["db1", "db2"])?;
    site.let_people_ask_often()?;
    let mut later = Later { site, days: 0 };
    let first = later.trusted("db1")?;
    assert_eq!(first.len(), 1);
    later.rotate("add")?;
    for host in ["db1", "db2", "server"] {
        later.await_roots(host, "2")?;
    }
    until("db2 to trust both keys", PATIENCE, || {
        Ok(later.trusted("db2")?.len() == 2)
    })?;
    // It has heard what comes next, and is away for more than a year from now on.
    let db2 = "systemctl stop daypass-agent.socket daypass-principals.socket daypass-agent";
    later.site.network.host("db2")?.script(db2).ok()?;

    let (mut renewals, mut served) = (vec![true], later.served(COLLECTOR_PORT)?);
    later.pass_to(STEP)?;
    later.await_renewals("db1", &renewals)?;
    later.await_collectors_renewal(&mut served)?;
    later.carol_gets_in(&["db1"])?;
    later.rotate("use")?;
    // An agent looks once an hour, and when it starts; the certificate of before is of the root before.
    let restart = ["systemctl", "restart", "daypass-agent"];
    later.site.network.host("db1")?.root(restart).ok()?;
    renewals.push(false);
    later.await_renewals("db1", &renewals)?;
    later.await_collectors_renewal(&mut served)?;
    later.carol_gets_in(&["db1"])?;

    later.pass_to(2 * STEP)?;
    renewals.push(true);
    later.await_renewals("db1", &renewals)?;
    later.await_collectors_renewal(&mut served)?;
    later.rotate("retire")?;
    for host in ["db1", "server"] {
        later.await_roots(host, "1")?;
    }
    let second = later.trusted("db1")?;
    assert!(second.len() == 1 && second != first, "{second:?}");
    // Her ssh takes no host key that the next host CA has not signed.
    later.carol_gets_in(&["db1"])?;

    for step in 3..=5 {
        assert_eq!(later.state_keys()?.len(), 1, "after {} days", later.days);
        later.pass_to(step * STEP)?;
        renewals.push(true);
        later.await_renewals("db1", &renewals)?;
        later.await_collectors_renewal(&mut served)?;
    }
    // A year and two months: another key signs the state, once, and db1 goes on.
    let state_keys = later.state_keys()?;
    assert_eq!(state_keys.len(), 2, "{state_keys:?}");
    later.carol_gets_in(&["db1"])?;

    // Nobody does anything at db2 but turn it on.
    assert!(later.renewals("db2")?.is_empty());
    let start = ["systemctl", "start", "daypass-agent"];
    later.site.network.host("db2")?.root(start).ok()?;
    later.await_renewals("db2", &[true])?;
    later.await_roots("db2", "1")?;
    until("db2 to trust the key of today alone", PATIENCE, || {
        Ok(later.trusted("db2")? == second)
    })?;
    later.carol_gets_in(&["db2"])?;
    later.site.await_cosigned("db2")
}

#[test]
fn when_no_admin_is_left_the_recovery_key_makes_one_and_everybody_hears_of_it() -> Result<()> {
    let mut site = Site::machines(&["db1"])?;
    site.install()?;
    let printed = site.set_up_server()?;
    site.sign_roster()?;
    site.add_people()?;
    site.enrol("db1")?;
    site.network.host("db1")?.add_user("deploy")?;
    site.manage("db1", "deploy")?;
    site.let_people_ask_often()?;
    let mut later = Later { site, days: 0 };
    later.pass_to(STEP)?;
    // By now nobody has Alice's key, and nobody else signs rosters. Erin is nobody to the CA.
    let begin = "-----BEGIN OPENSSH PRIVATE KEY-----";
    let end = "-----END OPENSSH PRIVATE KEY-----\n";
    let key = printed.split_once(begin);
    let key = key.and_then(|(_, rest)| rest.split_once(end));
    let key = key.map(|(key, _)| format!("{begin}{key}{end}"));
    let laptop = later.site.network.host("laptop")?;
    laptop.add_user("erin")?;
    let db1 = later.site.network.host("db1")?;
    let chain = db1.read("/var/lib/daypass/agent/chain.json")?;
    laptop.write("/home/erin/recovery.key", key.unwrap_or_default())?;
    laptop.write("/home/erin/chain.json", &chain)?;
    let make = ["ssh-keygen", "-q", "-N", "", "-f", "erin.key"];
    laptop.user("erin", make).ok()?;
    let line = later.site.setup_line();
    let setup = [
        "setup",
        line,
        "--person",
        "erin",
        "--key",
        "erin.key",
        "--write-ssh-config",
    ];
    later.daypass("erin", &setup).ok()?;
    let recover = [
        "roster",
        "recover",
        "--yes",
        "recovery.key",
        "--chain",
        "chain.json",
    ];
    let said = later.daypass("erin", &recover).ok()?;
    assert!(said.contains(begin), "{said}");
    assert!(said.contains("erin is the only admin"), "{said}");

    // She does what an admin does, and Alice does not any more.
    let token = ["host", "token", "db9"];
    later.daypass("erin", &token).ok()?;
    let refused = later.daypass(ALICE, &token).run()?;
    assert!(!refused.success(), "{refused}");
    let alarm = ["recovery-key-used"];
    later
        .site
        .await_entry_within("db1", "alarm.recovery-key", &alarm, PATIENCE)?;
    for whose in ["ca", "collector"] {
        let what = format!("the journal of the {whose} to tell of it");
        until(&what, PATIENCE, || {
            let entries = later.site.servers_own_entries(whose)?;
            let mut entries = entries.iter();
            Ok(entries.any(|entry| entry.contains("\"alarm.recovery-key\"")))
        })?;
    }
    // Windows open as ever, and the key of before is nobody's any more.
    later.carol_gets_in(&["db1"])?;
    let again = ["roster", "recover", "--yes", "recovery.key"];
    let again = later.daypass("erin", &again).run()?;
    assert!(!again.success(), "{again}");
    assert!(again.stderr().contains("names the recovery key"), "{again}");
    Ok(())
}
