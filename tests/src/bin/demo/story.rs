//! The story: from an empty server to a forgery that is caught.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use daypass_tests::{ALICE, BOB, CAROL, MALLORY, Running, SOON, Site, Wish};

use crate::stage::{Failure, Stage, must};

/// How long the window is open, counted from the request: a minute also serves a slow machine.
const WINDOW: Duration = Duration::from_secs(60);
/// The one command that the window grants.
const GRANTED: &str = "/usr/bin/systemctl restart cron.service";
const JOURNAL: &str = "/var/log/daypass/journal";
const CA_JOURNAL: &str = "/var/lib/daypass/ca/journal";
/// A copy of db1's journal, witness lines and all, from before the visit.
const BEFORE: &str = "/root/before";
/// Where Carol's client keeps the certificate; it goes when the CA says that the window is over.
const CERTIFICATE: &str = "/home/carol/.local/share/daypass/certificates/deploy@db1-cert.pub";
const USAGE: &str = "usage: demo [--keep DIR]";

/// Plays the story; 0 only when every step happened.
pub(crate) fn play(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let keep = match keep_directory(arguments) {
        Ok(keep) => keep,
        Err(message) => {
            complain(&message);
            return ExitCode::from(64);
        }
    };
    match acts(keep.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&format!("The demo failed: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn keep_directory(
    mut arguments: impl Iterator<Item = OsString>,
) -> Result<Option<PathBuf>, String> {
    let keep = match arguments.next() {
        None => None,
        Some(word) if word == "--keep" => Some(arguments.next().ok_or(USAGE)?.into()),
        Some(_) => return Err(USAGE.to_owned()),
    };
    if arguments.next().is_some() {
        Err(USAGE.to_owned())
    } else {
        Ok(keep)
    }
}

fn acts(keep: Option<&Path>) -> Result<(), Failure> {
    let mut stage = Stage::new();
    let site = found(&mut stage)?;
    let window = permission(&mut stage, &site)?;
    let (session, certificate) = work(&mut stage, &site)?;
    strangers(&mut stage, &site)?;
    the_end(&mut stage, &site, session)?;
    proof(&mut stage, &site)?;
    if let Some(directory) = keep {
        leave(&mut stage, &site, &window, &certificate, directory)?;
    }
    stage.end();
    Ok(())
}

/// Install, sign the roster, enrol, manage.
fn found(stage: &mut Stage) -> Result<Site, Failure> {
    stage.step(
        "Four machines start: a server, the hosts db1 and db2, and a laptop with four people's keys on it.",
    );
    let mut site = Site::machines(&["db1", "db2"])?;
    stage.step("The packages are installed: daypass-server, daypass-host, daypass.");
    site.install()?;
    stage.step(
        "CA and collector are made on the server, from the administrator's public key alone.",
    );
    let printed = site.set_up_server()?;
    stage.shows(
        "root@server",
        "daypass-server init --admin alice --admin-key alice.pub --name server",
        &printed,
    );
    stage
        .step("Alice, the administrator, signs the roster; until now the CA answers nothing else.");
    let signed = site.sign_roster()?;
    stage.shows("alice@laptop", "daypass roster sign --pin …", &signed);
    stage.step("Alice adds Bob, an approver, and Carol and Mallory, contractors: a new roster each, signed.");
    site.add_people()?;
    let people = site.person(ALICE).daypass(["person", "list"]).ok()?;
    stage.shows("alice@laptop", "daypass person list", &people);
    stage.step("db1 and db2 enrol with a token each; from now on they journal, forward their journals, and block nobody.");
    let enrolled = site.enrol("db1")?;
    stage.shows("root@db1", "daypass-agent enroll", &enrolled);
    site.enrol("db2")?;
    stage.step("The account deploy is put under management: it opens for contractors with a window, and for nobody else.");
    for host in ["db1", "db2"] {
        site.network.host(host)?.add_user("deploy")?;
        let managed = site.manage(host, "deploy")?;
        if host == "db1" {
            stage.shows("root@db1", "daypass-agent manage deploy", &managed);
        }
    }
    site.copy_journal("db1", BEFORE)?;
    Ok(site)
}

/// Asked for, not approved by oneself, approved by somebody else.
fn permission(stage: &mut Stage, site: &Site) -> Result<String, Failure> {
    stage.step("Carol asks for 60 seconds on db1 as deploy, with one sudo command.");
    let wish = Wish::deploy_on("db1", WINDOW).with("--sudo", GRANTED);
    let window = site.person(CAROL).request(&wish)?;
    let typed = format!(
        "daypass request --host db1 --account deploy --for 60s --sudo '{GRANTED}' --reason …"
    );
    stage.shows("carol@laptop", &typed, &window);
    stage.step("Carol approves it herself: refused.");
    let own = site
        .person(CAROL)
        .daypass(["approve", "--yes", &window])
        .run()?;
    stage.shows("carol@laptop", "daypass approve …", &own.stderr());
    must(
        own.code() == Some(1),
        "the contractor's own approval was to be refused",
        &own.to_string(),
    )?;
    stage.step("Bob reads what is asked, and approves.");
    let approved = site.person(BOB).approve(&window)?;
    stage.shows("bob@laptop", "daypass approve …", &approved);
    Ok(window)
}

/// Plain ssh, scp, sudo; and a terminal that stays.
fn work(stage: &mut Stage, site: &Site) -> Result<(Running, Vec<u8>), Failure> {
    let carol = site.person(CAROL);
    stage.step("Carol uses plain ssh; the certificate is fetched on the way.");
    let id = carol.ssh("deploy@db1", &["id", "-un"]).ok()?;
    stage.shows("carol@laptop", "ssh deploy@db1 id -un", &id);
    must(id.trim() == "deploy", "ssh was to run as deploy", &id)?;
    let certificate = site.network.host("laptop")?.read(CERTIFICATE)?;
    stage.step("So does scp.");
    carol
        .command([
            "sh",
            "-c",
            "echo report > report.txt && scp -q -oBatchMode=yes report.txt deploy@db1:",
        ])
        .ok()?;
    let copied = carol.ssh("deploy@db1", &["cat", "report.txt"]).ok()?;
    must(
        copied.trim() == "report",
        "the copied file was to arrive",
        &copied,
    )?;
    stage.shows("carol@laptop", "scp report.txt deploy@db1:", "");
    stage.step("On db2, with the same certificate, it does not: the window is for db1.");
    let other = carol
        .command([
            "ssh",
            "-oBatchMode=yes",
            "-oConnectTimeout=10",
            &format!("-oCertificateFile={CERTIFICATE}"),
            "deploy@db2",
            "id",
        ])
        .run()?;
    stage.shows(
        "carol@laptop",
        "ssh -o CertificateFile=… deploy@db2 id",
        &other.stderr(),
    );
    must(
        !other.success() && other.stdout.is_empty(),
        "db2 was to refuse the certificate",
        &other.to_string(),
    )?;
    site.await_entry("db2", "login.denied", &[CAROL])?;
    stage.step("The granted sudo command runs.");
    let typed = format!("sudo -n {GRANTED}");
    let ran = carol.ssh("deploy@db1", &[&typed]).run()?;
    stage.shows(
        "carol@laptop",
        &format!("ssh deploy@db1 {typed}"),
        &ran.stderr(),
    );
    must(
        ran.success(),
        "the granted command was to run",
        &ran.to_string(),
    )?;
    stage.step("Another one does not.");
    let refused = carol
        .ssh("deploy@db1", &["sudo -n /usr/bin/cat /etc/shadow"])
        .run()?;
    stage.shows(
        "carol@laptop",
        "ssh deploy@db1 sudo -n /usr/bin/cat /etc/shadow",
        &refused.stderr(),
    );
    must(
        !refused.success() && refused.stdout.is_empty(),
        "another command was to be refused",
        &refused.to_string(),
    )?;
    stage.step(
        "Carol leaves a terminal open, with something in the background that ignores hangups.",
    );
    let mut session = carol.terminal(
        "deploy@db1",
        "nohup sleep 1001 >/dev/null 2>&1 & echo here; exec sleep 1002",
    )?;
    session.await_text("here", SOON)?;
    Ok((session, certificate))
}

/// Somebody without a window.
fn strangers(stage: &mut Stage, site: &Site) -> Result<(), Failure> {
    stage.step("Mallory, a contractor without a window, tries: refused.");
    let refused = site.person(MALLORY).ssh("deploy@db1", &["id"]).run()?;
    stage.shows("mallory@laptop", "ssh deploy@db1 id", &refused.stderr());
    must(
        !refused.success() && refused.stdout.is_empty(),
        "a login without a window was to be refused",
        &refused.to_string(),
    )
}

/// The window ends under the running session.
fn the_end(stage: &mut Stage, site: &Site, mut session: Running) -> Result<(), Failure> {
    stage.step("The window ends under Carol's open terminal.");
    let deadline = WINDOW + SOON;
    site.await_entry_within("db1", "session.end", &["\"person\":\"carol\""], deadline)?;
    let (screen, _) = session.so_far();
    let output = session.wait(SOON)?;
    let screen = if output.stdout.is_empty() {
        screen
    } else {
        output.stdout()
    };
    stage.shows("carol@laptop", "(the terminal)", &screen);
    must(
        screen.contains("window"),
        "the reason was to stand on the screen",
        &screen,
    )?;
    must(
        !output.success(),
        "the session was to be ended",
        &output.to_string(),
    )?;
    // The account's own service manager is swept last.
    let db1 = site.network.host("db1")?;
    db1.await_condition("! pgrep -u deploy", SOON)?;
    let again = site.person(CAROL).ssh("deploy@db1", &["id"]).run()?;
    stage.shows("carol@laptop", "ssh deploy@db1 id", &again.stderr());
    must(
        !again.success(),
        "no login was to be possible any more",
        &again.to_string(),
    )
}

/// The story is read, the journal verified, tampered with, put back from before, and caught.
fn proof(stage: &mut Stage, site: &Site) -> Result<(), Failure> {
    let db1 = site.network.host("db1")?;
    stage.step("The collector tells the whole story, of both hosts and of the CA: Bob, an approver, asks it.");
    let parts = [
        "window.requested",
        "window.approved",
        "certificate.issued",
        "session.open",
        "sudo.request",
        "sudo.denied",
        "session.end",
        "login.denied",
        "db2",
        GRANTED,
    ];
    let mut table = String::new();
    // Three journals arrive, each by itself.
    let told = daypass_tests::until("the whole story at the collector", SOON, || {
        table = site
            .person(BOB)
            .daypass([
                "log",
                "--collector",
                "--user",
                CAROL,
                "--user",
                BOB,
                "--user",
                "deploy",
            ])
            .ok()?;
        Ok(parts.iter().all(|part| table.contains(part)))
    });
    stage.shows(
        "bob@laptop",
        "daypass log --collector --user carol --user bob --user deploy",
        &table,
    );
    told?;
    stage.step("The host's own journal proves it, and the collector agrees.");
    // A host writes whenever something happens: a copy that the collector has outrun is made anew.
    let mut proven = None;
    daypass_tests::until("a copy that is cosigned to its end", SOON, || {
        site.copy_journal("db1", "/root/copy")?;
        let verified = site.verify_with_collector(BOB, "db1", "/root/copy")?;
        let is_whole = verified.code == 0;
        proven = Some(verified);
        Ok(is_whole)
    })?;
    let Some(proven) = proven else {
        unreachable!("it was verified")
    };
    stage.shows(
        "bob@laptop",
        "daypass verify copy --trust trust.toml --collector",
        &proven.text,
    );
    must(
        proven.code == 0,
        "the journal was to be proven",
        &proven.text,
    )?;
    stage.step("In a copy, one letter of Carol's command line is changed.");
    let altered = "file=$(grep -l '\"sudo.request\"' /root/copy/*.jsonl | head -n 1); \
        seq=$(grep -m1 '\"sudo.request\"' \"$file\" | sed 's/.*\"seq\":\\([0-9]*\\).*/\\1/'); \
        sed -i '/\"sudo.request\"/s/restart cron/restart cr0n/' \"$file\"; echo $seq";
    let sequence = db1.script(altered).ok()?;
    let caught = site.verify("db1", Some("/root/copy"))?;
    stage.shows(
        "root@db1",
        "daypass verify copy --trust trust.toml",
        &caught.text,
    );
    must(
        caught.code == 1,
        "the forgery was to be caught",
        &caught.text,
    )?;
    must(
        caught.text.contains(sequence.trim()),
        &format!("entry {} was to be named", sequence.trim()),
        &caught.text,
    )?;
    put_back(stage, site)
}

/// Nothing is changed, but the visit is missing: the whole directory is from before.
fn put_back(stage: &mut Stage, site: &Site) -> Result<(), Failure> {
    stage.step("The whole directory is put back from before the visit, cosignatures included. By itself it is sound…");
    let alone = site.verify("db1", Some(BEFORE))?;
    stage.shows(
        "root@db1",
        "daypass verify before --trust trust.toml",
        &alone.text,
    );
    must(
        alone.code != 1,
        "alone, the old copy was not to be called tampered with",
        &alone.text,
    )?;
    stage.step("… but the collector remembers more.");
    let caught = site.verify_with_collector(BOB, "db1", BEFORE)?;
    stage.shows(
        "bob@laptop",
        "daypass verify before --trust trust.toml --collector",
        &caught.text,
    );
    must(
        caught.code == 1,
        "the old copy was to be caught",
        &caught.text,
    )
}

/// Journals, public keys and documents, for whoever wants to look.
fn leave(
    stage: &mut Stage,
    site: &Site,
    window: &str,
    certificate: &[u8],
    directory: &Path,
) -> Result<(), Failure> {
    stage.step(&format!(
        "Journals, public keys, window and certificate are left in {}.",
        directory.display()
    ));
    let made = |source: std::io::Error| {
        Failure(format!("cannot write to {}: {source}", directory.display()))
    };
    let db1 = site.network.host("db1")?;
    let machine = |name| site.network.host(name);
    for (host, journal) in [
        (db1, JOURNAL),
        (machine("db2")?, JOURNAL),
        (machine("server")?, CA_JOURNAL),
    ] {
        let place = directory.join(host.name());
        std::fs::create_dir_all(&place).map_err(made)?;
        host.copy_out(journal, &place)?;
    }
    std::fs::write(directory.join("trust.toml"), db1.read("/root/trust.toml")?).map_err(made)?;
    let shown = site
        .person(BOB)
        .daypass(["show", window, "-o", "json"])
        .ok()?;
    std::fs::write(directory.join("window.json"), shown).map_err(made)?;
    let roster = site
        .person(BOB)
        .daypass(["roster", "show", "-o", "json"])
        .ok()?;
    std::fs::write(directory.join("roster.json"), roster).map_err(made)?;
    let laptop = site.network.host("laptop")?;
    std::fs::write(directory.join("carol-cert.pub"), certificate).map_err(made)?;
    for name in [ALICE, BOB, CAROL, MALLORY] {
        let key = laptop.read(&format!("/home/{name}/.ssh/id_ed25519.pub"))?;
        std::fs::write(directory.join(format!("{name}.pub")), key).map_err(made)?;
    }
    Ok(())
}

fn complain(message: &str) {
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(std::io::stderr().lock(), "{message}");
}
