//! The collector away, killed, cut off and lied to, while contractors work.

use std::collections::HashSet;
use std::time::Duration;

use daypass_tests::{BOB, CAROL, Result, SOON, Site, Wish};

use crate::Rows;
use crate::windows::carol_gets;

const HOUR: Duration = Duration::from_secs(3600);
/// Something that sudo may do as often as it likes.
const LISTING: &str = "/usr/bin/id -u";
/// How long everything may take to arrive after an outage.
const CAUGHT_UP: Duration = Duration::from_secs(60);

pub(crate) const ROWS: &Rows = &[
    (
        "while_the_collector_is_away_nobody_notices_and_then_all_is_there_once",
        away,
    ),
    ("a_collector_killed_under_logins_loses_nothing", killed),
    (
        "with_the_server_cut_off_contractors_work_and_then_all_is_there_once",
        cut_off,
    ),
    (
        "two_machines_with_one_identity_are_an_alarm_on_both_sides",
        cloned,
    ),
    ("the_ca_forwards_its_own_journal", of_the_ca),
    ("who_watches_the_collector_sees_sudo_as_it_comes", watched),
    (
        "who_is_where_is_known_and_a_visit_is_told_from_request_to_end",
        told,
    ),
];

/// A window on db1 with one sudo command.
fn window(site: &Site) -> Result<String> {
    carol_gets(site, &Wish::deploy_on("db1", HOUR).with("--sudo", LISTING))
}

/// Carol logs in and uses sudo.
fn visit(site: &Site) -> Result<()> {
    let sudo = format!("sudo -n {LISTING} && id -un");
    let said = site.person(CAROL).ssh("deploy@db1", &[&sudo]).ok()?;
    assert_eq!(said, "0\ndeploy\n");
    Ok(())
}

/// What db1 wrote until now arrives at the collector, byte for byte, each entry once.
fn all_there_once(site: &Site) -> Result<()> {
    let written = site.entries("db1")?;
    daypass_tests::until("all of db1's entries at the collector", CAUGHT_UP, || {
        // Just started again, it may not answer yet.
        let Ok(collected) = site.collected(BOB, &["--host", "db1"]) else {
            return Ok(false);
        };
        let once: HashSet<&String> = collected.iter().collect();
        assert_eq!(once.len(), collected.len(), "something is there twice");
        Ok(written.iter().all(|entry| once.contains(entry)))
    })
}

/// The sequence number of an entry.
fn sequence(entry: &str) -> u64 {
    let value: serde_json::Value =
        serde_json::from_str(entry).unwrap_or_else(|error| panic!("{entry}: {error}"));
    value["seq"]
        .as_u64()
        .unwrap_or_else(|| panic!("no sequence number: {entry}"))
}

fn away(site: &Site) -> Result<()> {
    let window = window(site)?;
    visit(site)?;
    site.stop_collector()?;
    let meanwhile = (0..3).try_for_each(|_| visit(site));
    let down = site.await_entry("db1", "link.down", &["https://server:7444"]);
    let unknown = site
        .person(BOB)
        .daypass(["log", "--collector=https://server:7444"])
        .run();
    site.start_collector()?;
    meanwhile?;
    down?;
    let unknown = unknown?;
    assert_eq!(unknown.code(), Some(1), "{unknown}");
    assert!(
        unknown.stderr().contains("https://server:7444"),
        "{unknown}"
    );
    all_there_once(site)?;
    let requests = site.collected(BOB, &["--window", &window, "--action", "sudo.request"])?;
    assert_eq!(requests.len(), 4, "{requests:#?}");
    Ok(())
}

fn killed(site: &Site) -> Result<()> {
    window(site)?;
    for _ in 0..5 {
        visit(site)?;
        site.kill_collector()?;
        visit(site)?;
        site.await_collector()?;
    }
    all_there_once(site)
}

fn cut_off(site: &Site) -> Result<()> {
    window(site)?;
    visit(site)?;
    site.network.cut("server")?;
    let meanwhile = (0..2).try_for_each(|_| visit(site));
    site.network.restore("server")?;
    meanwhile?;
    all_there_once(site)
}

/// db2's agent, for a while with what db1's had when it was stopped.
fn cloned(site: &Site) -> Result<()> {
    let (db1, db2) = (site.network.host("db1")?, site.network.host("db2")?);
    let units = "daypass-agent.socket daypass-principals.socket daypass-agent.service";
    let places = "var/lib/daypass/agent var/log/daypass/journal";
    all_there_once(site)?;
    let copy = format!("systemctl stop {units}; tar -C / -c {places}; systemctl start {units}");
    let image = db1.script(&copy).run()?;
    db2.write("/root/image.tar", &image.stdout)?;
    let own = format!("systemctl stop {units}; tar -C / -cf /root/own.tar {places}");
    db2.script(&own).ok()?;
    let wear = |image: &str| {
        let put = format!(
            "systemctl stop {units}; cd /; for place in {places}; do chattr -R -f -a /$place || true; rm -rf /$place; done; \
             tar -xpf {image}; systemctl start {units}"
        );
        db2.script(&put).ok()
    };
    // db1 has gone on first, and the collector holds that.
    visit_ordinarily(site)?;
    all_there_once(site)?;
    // The other machine goes on as well, further than db1 and with nobody to tell; then it meets the collector.
    site.network.cut("server")?;
    let went_on = wear("/root/image.tar").and_then(|_| {
        let twice = "daypass-agent unmanage deploy; daypass-agent manage deploy; ".repeat(10);
        db2.script(&twice).ok()
    });
    site.network.restore("server")?;
    went_on?;
    let told = site.await_entry("db2", "alarm.fork", &["https://server:7444"]);
    let alarm = until_alarmed(site, "alarm.fork");
    // The agent notes the alarm first and what `status` says a moment later.
    let stopped = daypass_tests::until("status to say that forwarding stopped", SOON, || {
        let status = db2.root(["daypass-agent", "status"]).run()?;
        Ok(status.stdout().contains("STOPPED"))
    });
    wear("/root/own.tar")?;
    let (told, alarm) = (told?, alarm?);
    stopped?;
    assert!(sequence(&told) > 0);
    let alarm: serde_json::Value = serde_json::from_str(&alarm).unwrap_or_default();
    assert_eq!(alarm["resource"]["host"], "db1", "{alarm}");
    let detail = &alarm["detail"];
    assert!(detail["seq"].is_u64() || detail["size"].is_u64(), "{alarm}");
    site.await_cosigned("db2")
}

/// Somebody logs in on db1 who is none of daypass's business: a line more in its journal.
fn visit_ordinarily(site: &Site) -> Result<()> {
    site.network
        .host("db1")?
        .root(["daypass-agent", "unmanage", "porter"])
        .ok()?;
    site.manage("db1", "porter").map(drop)
}

/// The newest alarm of this kind in the collector's own journal.
fn until_alarmed(site: &Site, action: &str) -> Result<String> {
    let wanted = format!("\"action\":\"{action}\"");
    let mut found = None;
    daypass_tests::until(
        &format!("{action} in the collector's journal"),
        SOON,
        || {
            let own = site.servers_own_entries("collector")?;
            found = own.into_iter().rev().find(|entry| entry.contains(&wanted));
            Ok(found.is_some())
        },
    )?;
    Ok(found.unwrap_or_default())
}

fn of_the_ca(site: &Site) -> Result<()> {
    let window = window(site)?;
    daypass_tests::until("the CA's entries at the collector", SOON, || {
        let found = site.collected(BOB, &["--window", &window, "--action", "window.approved"])?;
        Ok(found.len() == 1)
    })
}

fn watched(site: &Site) -> Result<()> {
    let window = window(site)?;
    let watch = ["log", "-f", "--collector", "--action", "sudo", "-o", "json"];
    let mut live = site.person(BOB).daypass(watch).spawn()?;
    visit(site)?;
    live.await_text(&window, SOON)?;
    // And goes on over an outage of the collector.
    site.kill_collector()?;
    site.await_collector()?;
    let window = self::window(site)?;
    visit(site)?;
    live.await_text(&window, SOON)
}

fn told(site: &Site) -> Result<()> {
    let window = window(site)?;
    let stays = format!("sudo -n {LISTING}; echo is in; sleep 600");
    let mut carol = site.person(CAROL).ssh("deploy@db1", &[&stays]).spawn()?;
    carol.await_text("is in", SOON)?;
    let bob = site.person(BOB);
    let mut session = String::new();
    daypass_tests::until("Carol on db1, as the collector knows it", SOON, || {
        let said = bob.daypass(["sessions", "--host", "db1", "--user", "carol", "-o", "json"]);
        let sessions: serde_json::Value = serde_json::from_str(&said.ok()?).unwrap_or_default();
        let hers = sessions.as_array().into_iter().flatten();
        let hers = hers.filter(|one| one["window"] == window.as_str() && one["state"] == "live");
        for one in hers {
            assert_eq!(
                (&one["account"], &one["approved_by"][0]),
                (&"deploy".into(), &"bob".into())
            );
            assert!(
                one["until"].is_string() && one["address"].is_string(),
                "{one}"
            );
            session = one["session"].as_str().unwrap_or_default().to_owned();
        }
        Ok(!session.is_empty())
    })?;
    site.person(CAROL).daypass(["end", &window]).ok()?;
    daypass_tests::until("the story to its end", SOON, || {
        let said = bob.daypass(["session", &session, "-o", "json"]).ok()?;
        let told: serde_json::Value = serde_json::from_str(&said).unwrap_or_default();
        let entries = told["story"].as_array().into_iter().flatten();
        let actions: Vec<&str> = entries
            .filter_map(|line| line["entry"]["action"].as_str())
            .collect();
        let story = [
            "window.requested",
            "window.approved",
            "certificate.issued",
            "session.open",
            "sudo.request",
            "session.end",
        ];
        let places: Vec<_> = story
            .iter()
            .filter_map(|action| actions.iter().position(|told| told == action))
            .collect();
        Ok(places.len() == story.len() && places.is_sorted() && told["session"]["state"] == "over")
    })
}
