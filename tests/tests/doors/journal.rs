//! The journal as evidence: attacked with the real collector beside it, exported and judged, erased, kept.

use std::time::{Duration, Instant};

use daypass_tests::{BOB, CAROL, Result, SOON, Site, Wish};

use crate::Rows;
use crate::others::others_get_in;
use crate::windows::{carol_gets, close_all};

const HOUR: Duration = Duration::from_secs(3600);
const COMMAND: &str = "/usr/bin/id -un";
const JOURNAL: &str = "/var/log/daypass/journal";
/// At a prompt nobody waits longer for a collector that hangs, connection and login included; on a machine that is busy,
/// as much longer as it took before.
const PROMPT: Duration = Duration::from_secs(5);
/// The shortest silence that a collector can be told to notice, and then some.
const SILENCE: Duration = Duration::from_secs(120);

pub(crate) const ROWS: &Rows = &[
    (
        "the_journal_is_evidence_that_holds_offline_and_for_stock_tools",
        evidence,
    ),
    ("the_journal_gives_proofs_and_tiles_on_the_host", proofs),
    (
        "the_journal_of_yesterday_and_a_cut_tail_are_found_with_the_collector",
        put_back,
    ),
    ("the_journal_forgets_a_person_and_still_verifies", erased),
    (
        "the_journal_waits_for_a_collector_that_hangs_and_nobody_else_does",
        black_hole,
    ),
    ("the_journal_of_an_agent_that_is_stopped_is_missed", silent),
];

/// Carol gets a window on db1, logs in and uses sudo; all of it is cosigned, the CA's decisions too.
fn visit(site: &Site) -> Result<String> {
    let wish = Wish::deploy_on("db1", HOUR).with("--sudo", COMMAND);
    let window = carol_gets(site, &wish)?;
    let sudo = format!("sudo -n {COMMAND} && id -un");
    let said = site.person(CAROL).ssh("deploy@db1", &[&sudo]).ok()?;
    assert_eq!(said, "root\ndeploy\n");
    site.await_entry("db1", "session.close", &[&window])?;
    site.await_cosigned("db1")?;
    site.network.host("server")?.await_condition(
        "daypass-ca status -o json | tr -d ' \\n' | grep -Eq '\"sealed\":([0-9]+),\"cosigned\":\\1[^0-9]'",
        SOON,
    )?;
    Ok(window)
}

fn evidence(site: &Site) -> Result<()> {
    let window = visit(site)?;
    let (db1, server) = (site.network.host("db1")?, site.network.host("server")?);
    db1.write("/root/ca.toml", server.root(["daypass-ca", "trust"]).ok()?)?;
    let export = format!(
        "daypass-agent trust > /root/db1.toml; rm -rf /root/ca /root/e; mkdir /root/ca /root/e; \
         tar -C /root/ca --no-same-owner -xf /root/ca.tar && \
         daypass evidence export {JOURNAL} /root/ca/journal --window {window} -o /root/visit.tar"
    );
    // In a network namespace of its own there is nobody to ask.
    let verify = |file: &str| {
        db1.script(&format!(
            "unshare --net daypass evidence verify {file} --trust /root/db1.toml --trust /root/ca.toml"
        ))
        .run()
    };
    // The CA's journal gets its cosignatures once a second.
    let mut last = None;
    daypass_tests::until("evidence that is whole", SOON, || {
        let carried = server
            .script("tar -C /var/lib/daypass/ca -c journal")
            .run()?;
        db1.write("/root/ca.tar", &carried.stdout)?;
        db1.script(&export).ok()?;
        let proven = verify("/root/visit.tar")?;
        let is_whole = proven.code() == Some(0);
        last = Some(proven);
        Ok(is_whole)
    })?;
    let proven = last.unwrap_or_else(|| panic!("no bundle"));
    for words in [
        "carol was on db1 as deploy",
        "approved by  bob",
        "sudo.request allowed",
        "witnessed to entry",
    ] {
        assert!(proven.stdout().contains(words), "{words}: {proven}");
    }
    let stock = format!(
        "set -e; cd /root/e; tar -xf /root/visit.tar; sha256sum --quiet -c SHA256SUMS; \
         for certificate in certificates/*-cert.pub; do ssh-keygen -L -f $certificate | grep -q {window}; done; \
         set -- windows/{window}/*-approve.json; \
         ssh-keygen -Y verify -f allowed_signers -I bob -n daypass-approve@v1 -s $1.sig < $1; \
         set -- windows/{window}/*-request.json; \
         ssh-keygen -Y verify -f allowed_signers -I carol -n daypass-request@v1 -s $1.sig < $1"
    );
    db1.script(&stock).ok()?;
    // One letter of what Carol typed.
    let altered = "set -e; at=$(grep -abo '/usr/bin/id -un' /root/visit.tar | head -n 1 | cut -d: -f1); \
        cp /root/visit.tar /root/altered.tar; printf _ | dd of=/root/altered.tar bs=1 seek=$at conv=notrunc status=none";
    db1.script(altered).ok()?;
    let caught = verify("/root/altered.tar")?;
    assert_eq!(caught.code(), Some(1), "{caught}");
    Ok(())
}

fn proofs(site: &Site) -> Result<()> {
    visit(site)?;
    let db1 = site.network.host("db1")?;
    let request = site
        .last("db1", "sudo.request")?
        .unwrap_or_else(|| panic!("no sudo.request"));
    let seq = sequence(&request);
    let prove = format!(
        "set -e; rm -rf /root/tiles; daypass prove {JOURNAL} --seq {seq} > /root/proof; \
         daypass journal export {JOURNAL} --tiles /root/tiles > /root/said; cat /root/proof"
    );
    let proof = db1.script(&prove).ok()?;
    assert!(
        proof.starts_with(&format!("c2sp.org/tlog-proof@v1\nindex {seq}\n")),
        "{proof}"
    );
    assert!(proof.contains("/daypass-collector "), "{proof}");
    let checkpoint = db1.script("cat /root/tiles/checkpoint").ok()?;
    assert!(proof.ends_with(&checkpoint), "{proof}\n{checkpoint}");
    Ok(())
}

/// Copies db1's journal until the copy is all that the collector knows of: between the two it may go on.
fn copy_whole(site: &Site, to: &str) -> Result<()> {
    daypass_tests::until("a copy that the collector agrees with", SOON, || {
        site.copy_journal("db1", to)?;
        Ok(site.verify_with_collector(BOB, "db1", to)?.code == 0)
    })
}

fn put_back(site: &Site) -> Result<()> {
    visit(site)?;
    copy_whole(site, "/root/yesterday")?;
    visit(site)?;
    copy_whole(site, "/root/cut")?;
    // Keys and witness lines are yesterday's as well: alone it is a journal that is just so long.
    let alone = site.verify("db1", Some("/root/yesterday"))?;
    assert_eq!(alone.code, 0, "{}", alone.text);
    let caught = site.verify_with_collector(BOB, "db1", "/root/yesterday")?;
    assert_eq!(caught.code, 1, "{}", caught.text);
    assert!(caught.text.contains("put back"), "{}", caught.text);
    // From Carol's last sudo on, behind a whole seal.
    let cut = "set -e; cd /root/cut; file=$(ls *.jsonl | tail -n 1); \
        line=$(grep -n '\"action\":\"sudo.request\"' $file | tail -n 1); \
        head -n $((${line%%:*} - 1)) $file > rest; mv rest $file; \
        echo \"$line\" | sed 's/.*{\"seq\":\\([0-9]*\\),.*/\\1/'";
    let seq = site.network.host("db1")?.script(cut).ok()?;
    let alone = site.verify("db1", Some("/root/cut"))?;
    // What is left may have been cosigned just so far.
    assert_ne!(alone.code, 1, "{}", alone.text);
    let caught = site.verify_with_collector(BOB, "db1", "/root/cut")?;
    assert_eq!(caught.code, 1, "{}", caught.text);
    let first = format!("entries {} to", seq.trim());
    assert!(caught.text.contains(&first), "{first}: {}", caught.text);
    Ok(())
}

fn erased(site: &Site) -> Result<()> {
    visit(site)?;
    let db1 = site.network.host("db1")?;
    let theirs = |site: &Site| -> Result<usize> {
        let entries = site.entries("db1")?;
        let names = |entry: &&String| entry.contains("\"person\":\"carol\"");
        Ok(entries.iter().filter(names).count())
    };
    let before = theirs(site)?;
    assert!(before > 0);
    let erase = ["daypass-agent", "erase", "--person", CAROL, "--reason"];
    let asked = db1.root(erase.iter().chain(&["she asked"])).ok()?;
    assert!(
        asked.starts_with(&format!("{before} entries would")),
        "{asked}"
    );
    assert_eq!(theirs(site)?, before);
    let done = db1.root(erase.iter().chain(&["she asked", "--yes"])).ok()?;
    assert!(done.starts_with(&format!("{before} entries are")), "{done}");
    assert_eq!(theirs(site)?, 0);
    site.await_entry("db1", "journal.erased", &["she asked", "\"by\":\"root\""])?;
    let nobody = db1.root(erase.iter().chain(&["again", "--yes"])).run()?;
    assert_eq!(nobody.code(), Some(1), "{nobody}");
    copy_whole(site, "/root/erased")?;
    // The journal goes on, over a restart too.
    db1.root(["systemctl", "restart", "daypass-agent.service"])
        .ok()?;
    visit(site).map(drop)
}

/// The collector's kernel still takes connections; nobody ever answers.
fn black_hole(site: &Site) -> Result<()> {
    visit(site)?;
    let sudo = format!("sudo -n {COMMAND} && id -un");
    let prompt = || -> Result<Duration> {
        let begun = Instant::now();
        let said = site.person(CAROL).ssh("deploy@db1", &[&sudo]).ok()?;
        assert_eq!(said, "root\ndeploy\n");
        Ok(begun.elapsed())
    };
    let usual = prompt()?;
    let server = site.network.host("server")?;
    let signal = |name: &str| {
        let signal = format!("--signal={name}");
        server
            .root(["systemctl", "kill", &signal, "daypass-collector.service"])
            .ok()
    };
    signal("STOP")?;
    let mut longest = Duration::ZERO;
    let meanwhile = (0..3).try_for_each(|_| {
        longest = longest.max(prompt()?);
        others_get_in(site)
    });
    signal("CONT")?;
    meanwhile?;
    assert!(longest < PROMPT + 2 * usual, "{longest:?}, {usual:?}");
    site.await_cosigned("db1")
}

fn silent(site: &Site) -> Result<()> {
    let (db1, server) = (site.network.host("db1")?, site.network.host("server")?);
    let config = "/etc/daypass/collector.toml";
    server
        .script(&format!(
            "cp {config} /root/collector.toml; echo 'silence_after = 60' >> {config}; \
             systemctl restart daypass-collector.service"
        ))
        .ok()?;
    site.await_collector()?;
    let kill = |signal: &str| {
        let signal = format!("--signal={signal}");
        db1.root(["systemctl", "kill", &signal, "daypass-agent.service"])
            .ok()
    };
    // While somebody is in, heartbeats come every few seconds: what stops them is no lack of visitors.
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let mut session = site
        .person(CAROL)
        .ssh("deploy@db1", &["echo here; cat"])
        .spawn()?;
    session.await_text("here", SOON)?;
    kill("STOP")?;
    let alarm = alarmed_within(site, "alarm.silence", SILENCE);
    kill("CONT")?;
    let over = alarmed_within(site, "alarm.over", SILENCE);
    close_all(site)?;
    server
        .script(&format!(
            "cp /root/collector.toml {config}; systemctl restart daypass-collector.service"
        ))
        .ok()?;
    site.await_collector()?;
    alarm?;
    over
}

/// Waits for an entry of the collector's own about db1.
fn alarmed_within(site: &Site, action: &str, deadline: Duration) -> Result<()> {
    daypass_tests::until(&format!("{action} about db1"), deadline, || {
        let parts = [
            format!("\"action\":\"{action}\""),
            "\"host\":\"db1\"".to_owned(),
        ];
        let own = site.servers_own_entries("collector")?;
        Ok(own
            .iter()
            .any(|entry| parts.iter().all(|part| entry.contains(part))))
    })
}

fn sequence(entry: &str) -> u64 {
    let value: serde_json::Value =
        serde_json::from_str(entry).unwrap_or_else(|error| panic!("{entry}: {error}"));
    value["seq"].as_u64().unwrap_or_else(|| panic!("{entry}"))
}
