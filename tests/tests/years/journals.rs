//! The keys that vouch for journals over the years: each log's own, and the collector's as a witness.

use daypass_tests::{BOB, Result, Site, until};
use serde_json::Value;

use super::{COLLECTOR_PORT, Later, PATIENCE};

impl Later {
    /// How often the log of `whose` journal, of a host or of one of the servers, was handed over for its age.
    fn handovers(&self, whose: &str) -> Result<usize> {
        let entries = match whose {
            "ca" | "collector" => self.site.servers_own_entries(whose)?,
            host => self.site.entries(host)?,
        };
        let entries = entries
            .iter()
            .filter_map(|text| serde_json::from_str::<Value>(text).ok());
        let for_age = |entry: &Value| {
            entry["action"] == "journal.log_key" && entry["detail"]["reason"] == "age"
        };
        Ok(entries.filter(for_age).count())
    }

    /// Lets two years and a month pass, in steps within which the collector's certificate lives; db1's does not, and comes back. At
    /// the beginning of each step, `look` holds.
    fn pass_two_years(&mut self, look: impl Fn(&Self) -> Result<()>) -> Result<()> {
        const STEP: u32 = 85;
        let (mut renewals, mut served) = (Vec::new(), self.served(COLLECTOR_PORT)?);
        for step in 1..=9 {
            look(self)?;
            self.pass_to(step * STEP)?;
            renewals.push(true);
            self.await_renewals("db1", &renewals)?;
            until("the collector to renew its certificate", PATIENCE, || {
                let now = self.served(COLLECTOR_PORT)?;
                Ok(std::mem::replace(&mut served, now.clone()) != now)
            })?;
        }
        Ok(())
    }

    /// The steps of witness keys' renewals that the CA has journalled, and why each was made.
    fn witness_steps(&self) -> Result<Vec<(String, String)>> {
        let entries = self.site.servers_own_entries("ca")?;
        let entries = entries
            .iter()
            .filter_map(|text| serde_json::from_str::<Value>(text).ok());
        let steps = entries.filter(|entry| entry["action"] == "collector.witness-key");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(steps
            .map(|entry| {
                let detail = &entry["detail"];
                (text(&detail["step"]), text(&detail["reason"]))
            })
            .collect())
    }

    fn await_witness_steps(&self, expected: &[(&str, &str)]) -> Result<()> {
        let what = format!("the witness key's renewal to come to {expected:?}");
        until(&what, PATIENCE, || {
            let steps = self.witness_steps()?;
            let steps = steps.iter().map(|(step, why)| (&step[..], &why[..]));
            Ok(steps.collect::<Vec<_>>() == expected)
        })
    }
}

#[test]
fn log_keys_are_renewed_by_themselves_and_whoever_has_the_first_one_follows() -> Result<()> {
    let site = Site::with_managed(&["db1"])?;
    site.let_people_ask_often()?;
    let mut later = Later { site, days: 0 };
    let db1 = |later: &Later, script: &str| later.site.network.host("db1")?.script(script).run();
    db1(&later, "daypass-agent trust > /root/then.toml")?;
    later.pass_two_years(|later| {
        for whose in ["db1", "ca", "collector"] {
            assert_eq!(
                later.handovers(whose)?,
                0,
                "{whose}, after {} days",
                later.days
            );
        }
        Ok(())
    })?;
    // Two years and a month are over. Once each, and the collector takes in what the heirs seal.
    for whose in ["db1", "ca", "collector"] {
        let what = format!("the log of {whose} to be handed over");
        until(&what, PATIENCE, || Ok(later.handovers(whose)? == 1))?;
    }
    later.carol_gets_in(&["db1"])?;
    let verify = "daypass verify /var/log/daypass/journal --trust /root/then.toml";
    until("all of db1's journal to be cosigned", PATIENCE, || {
        Ok(db1(&later, verify)?.success())
    })?;
    let said = db1(&later, verify)?.to_string();
    assert!(said.contains("log key    handed over by entry"), "{said}");
    // Of all three, whoever reads at the collector finds it.
    let log = [
        "log",
        "--collector",
        "--action",
        "journal.log_key",
        "-o",
        "json",
    ];
    until("the collector to know of three handovers", PATIENCE, || {
        Ok(later.daypass(BOB, &log).ok()?.lines().count() == 3)
    })?;
    assert_eq!(later.handovers("db1")?, 1);

    // Root renews each of them at once, which is an alert.
    let said = db1(&later, "daypass-agent renew-log-key")?;
    let ours = said.stdout().lines().last().unwrap_or_default().to_owned();
    assert!(ours.starts_with("daypass/"), "{said}");
    for command in [
        "daypass-ca key renew-log",
        "daypass-collector renew-log-key",
    ] {
        later.server()?.script(command).ok()?;
    }
    until("the collector to know of six handovers", PATIENCE, || {
        let found = later.daypass(BOB, &log).ok()?;
        Ok(found.lines().count() == 6 && found.contains(&ours))
    })?;
    until(
        "db1's journal to be cosigned by the newest key",
        PATIENCE,
        || {
            let said = db1(&later, verify)?;
            Ok(said.success() && said.to_string().contains(&ours))
        },
    )?;
    until("three alerts", PATIENCE, || {
        let entries = later.site.servers_own_entries("collector")?;
        let about = entries.iter().filter(|entry| {
            entry.contains("\"alert.raised\"") && entry.contains("log-key-renewed")
        });
        Ok(about.count() == 3)
    })
}

#[test]
fn witness_keys_are_renewed_by_themselves_and_old_cosignatures_stay_proven() -> Result<()> {
    let site = Site::with_managed(&["db1"])?;
    site.let_people_ask_often()?;
    let mut later = Later { site, days: 0 };
    let db1 = |later: &Later, script: &str| later.site.network.host("db1")?.script(script).run();
    // What was printed then, and with the keys that the CA names of the collectors now.
    db1(&later, "daypass-agent trust > /root/then.toml")?;
    let verify = |later: &Later, file: &str| {
        let trust = later.server()?.root(["daypass-ca", "trust"]).ok()?;
        let keys = trust.lines().filter(|line| line.starts_with("key = "));
        let witnesses: String = keys.map(|key| format!("[[witness]]\n{key}\n")).collect();
        let host = later.site.network.host("db1")?;
        host.write("/root/witnesses.toml", &witnesses)?;
        db1(
            later,
            &format!(
                "cat /root/then.toml /root/witnesses.toml > /root/now.toml; \
                 daypass verify /var/log/daypass/journal --trust /root/{file}.toml"
            ),
        )
    };
    let witnessed = |later: &Later, file: &str| {
        let what = format!("all of db1's journal to be witnessed by {file}");
        until(&what, PATIENCE, || Ok(verify(later, file)?.success()))
    };
    later.pass_two_years(|later| {
        let steps = later.witness_steps()?;
        assert!(steps.is_empty(), "after {} days: {steps:?}", later.days);
        Ok(())
    })?;
    later.await_witness_steps(&[("begins", "age")])?;
    later.carol_gets_in(&["db1"])?;
    // For a month either key witnesses the end.
    for file in ["then", "now"] {
        witnessed(&later, file)?;
    }
    assert_eq!(later.witness_steps()?.len(), 1);
    later.pass_to(later.days + 31)?;
    later.await_witness_steps(&[("begins", "age"), ("ends", "age")])?;
    later.carol_gets_in(&["db1"])?;
    witnessed(&later, "now")?;
    until("the old key alone to witness no more", PATIENCE, || {
        let said = verify(&later, "then")?;
        Ok(said.code() == Some(2) && said.to_string().contains("no trusted witness"))
    })?;

    // Root renews it at once, and ends that at once; the keys of before are printed still.
    let renew = |later: &Later, words: &str| {
        let command = format!("daypass-collector renew-witness-key{words}");
        let said = later.server()?.script(&command).ok()?;
        Ok(said.trim().to_owned())
    };
    let heir = renew(&later, "")?;
    assert_eq!(renew(&later, " --finish")?, heir);
    let list = later.server()?.root(["daypass-ca", "collector", "list"]);
    assert!(list.ok()?.contains(&heir));
    later.carol_gets_in(&["db1"])?;
    witnessed(&later, "now")?;
    // The CA's own journal follows as well.
    later.server()?.await_condition(
        "daypass-ca status -o json | tr -d ' \\n' | grep -Eq '\"sealed\":([0-9]+),\"cosigned\":\\1[^0-9]'",
        PATIENCE,
    )?;
    let trust = later.server()?.root(["daypass-ca", "trust"]).ok()?;
    assert_eq!(trust.matches("[[witness]]").count(), 3, "{trust}");
    until("an alert", PATIENCE, || {
        let entries = later.site.servers_own_entries("collector")?;
        let about = entries.iter().filter(|entry| {
            entry.contains("\"alert.raised\"") && entry.contains("witness-key-renewed")
        });
        Ok(about.count() == 1)
    })
}
