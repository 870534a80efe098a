//! What the throwaway hosts promise to the other tests.

use std::process::{Command, Stdio};
use std::time::Duration;

use daypass_tests::{Network, Result};

const SOON: Duration = Duration::from_secs(60);

/// Gives `alice` of the laptop a key that opens `bob` of db1.
fn introduce(network: &Network) -> Result<()> {
    let (laptop, db1) = (network.host("laptop")?, network.host("db1")?);
    laptop.add_user("alice")?;
    db1.add_user("bob")?;
    laptop.user("alice", ["mkdir", "-m700", ".ssh"]).ok()?;
    laptop
        .user(
            "alice",
            [
                "ssh-keygen",
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-f",
                ".ssh/id_ed25519",
            ],
        )
        .ok()?;
    let key = laptop.read("/home/alice/.ssh/id_ed25519.pub")?;
    db1.user(
        "bob",
        [
            "sh",
            "-c",
            "mkdir -m 700 .ssh && cat > .ssh/authorized_keys",
        ],
    )
    .input(key)
    .ok()?;
    Ok(())
}

const SSH: [&str; 5] = [
    "ssh",
    "-oStrictHostKeyChecking=accept-new",
    "-oConnectTimeout=2",
    "-oBatchMode=yes",
    "bob@db1",
];

#[test]
fn two_hosts_are_fully_up_at_once() -> Result<()> {
    let network = Network::of(["laptop", "db1"])?;
    for name in ["laptop", "db1"] {
        let host = network.host(name)?;
        assert_eq!(
            host.root(["systemctl", "is-system-running"]).ok()?,
            "running\n"
        );
        assert_eq!(host.root(["hostname"]).ok()?.trim(), name);
    }
    let id = |name| network.host(name)?.read("/etc/machine-id");
    assert_ne!(id("laptop")?, id("db1")?);
    Ok(())
}

#[test]
fn a_user_logs_in_by_ssh_from_one_to_the_other_and_has_a_session() -> Result<()> {
    let network = Network::of(["laptop", "db1"])?;
    introduce(&network)?;
    let laptop = network.host("laptop")?;
    let session = laptop
        .user(
            "alice",
            SSH.iter()
                .chain(&["id -un; cat /proc/self/loginuid /proc/self/cgroup"]),
        )
        .ok()?;
    assert!(session.starts_with("bob\n1000"), "{session}");
    assert!(session.contains("/session-"), "{session}");
    Ok(())
}

#[test]
fn a_cut_network_carries_nothing_until_it_is_restored() -> Result<()> {
    let network = Network::of(["laptop", "db1"])?;
    let ping = || {
        network
            .host("laptop")?
            .root(["ping", "-c1", "-W1", "db1"])
            .run()
    };
    assert!(ping()?.success());
    network.cut("db1")?;
    assert!(!ping()?.success());
    network.restore("db1")?;
    daypass_tests::until("an answer after the network is back", SOON, || {
        Ok(ping()?.success())
    })
}

#[test]
fn a_pulled_plug_ends_everything_and_the_disk_stays() -> Result<()> {
    let network = Network::of(["db1"])?;
    let db1 = network.host("db1")?;
    let boot = db1.read("/proc/1/stat")?;
    db1.write("/root/note", "still here")?;
    let mut busy = db1.root(["sleep", "1000"]).spawn()?;
    db1.pull_plug()?;
    daypass_tests::until("the end of the command", SOON, || Ok(busy.has_ended()))?;
    assert!(
        db1.root(["true"]).run().is_err(),
        "a host without power runs nothing"
    );
    db1.boot()?;
    assert_eq!(db1.read("/root/note")?, b"still here");
    assert_ne!(db1.read("/proc/1/stat")?, boot);
    let failed = [
        "systemctl",
        "list-units",
        "--failed",
        "--plain",
        "--no-legend",
    ];
    assert_eq!(db1.root(failed).ok()?, "");
    db1.shut_down()?;
    db1.boot()
}

#[test]
fn a_frozen_host_answers_when_it_is_thawed() -> Result<()> {
    let network = Network::of(["laptop", "db1"])?;
    introduce(&network)?;
    let laptop = network.host("laptop")?;
    laptop.user("alice", SSH.iter().chain(&["true"])).ok()?;
    let frozen = network.host("db1")?.freeze()?;
    let refused = laptop.user("alice", SSH.iter().chain(&["true"])).run()?;
    assert!(refused.stderr().contains("timed out"), "{refused}");
    drop(frozen);
    laptop
        .user("alice", SSH.iter().chain(&["true"]))
        .ok()
        .map(drop)
}

#[test]
fn a_command_on_a_terminal_is_talked_to() -> Result<()> {
    let network = Network::of(["laptop"])?;
    let laptop = network.host("laptop")?;
    laptop.add_user("alice")?;
    let mut shell = laptop
        .user(
            "alice",
            [
                "sh",
                "-c",
                "test -t 0 && echo what is it; read it; echo got $it; exit 7",
            ],
        )
        .spawn_on_terminal()?;
    shell.await_text("what is it", SOON)?;
    shell.write(b"this\n")?;
    shell.await_text("got this", SOON)?;
    assert_eq!(shell.wait(SOON)?.code(), Some(7));
    Ok(())
}

#[test]
fn files_go_in_and_come_out_unchanged() -> Result<()> {
    let network = Network::of(["db1"])?;
    let db1 = network.host("db1")?;
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    db1.script("mkdir -p /srv/a/b").ok()?;
    db1.write("/srv/a/b/bytes", &bytes)?;
    assert_eq!(db1.read("/srv/a/b/bytes")?, bytes);
    let out = std::env::temp_dir().join(format!("daypass-hosts-{}", std::process::id()));
    std::fs::create_dir(&out).unwrap();
    db1.copy_out("/srv/a", &out)?;
    assert_eq!(std::fs::read(out.join("a/b/bytes")).unwrap(), bytes);
    std::fs::remove_dir_all(&out).unwrap();
    Ok(())
}

#[test]
fn a_command_past_its_deadline_is_killed_with_what_it_started() -> Result<()> {
    let network = Network::of(["db1"])?;
    let db1 = network.host("db1")?;
    let slow = db1
        .script("setsid sleep 12345 & wait")
        .within(Duration::from_millis(500))
        .run();
    assert!(slow.unwrap_err().to_string().contains("sleep 12345"));
    assert!(!db1.root(["pgrep", "-f", "^sleep 12345"]).run()?.success());
    Ok(())
}

#[test]
fn nothing_is_left_of_a_dropped_network() {
    let (pid, seen) = in_a_process_of_its_own("drop");
    assert!(seen.contains("up"), "{seen}");
    assert_eq!(marks_of(pid), Vec::<String>::new());
}

#[test]
fn what_a_crashed_test_left_is_gone_once_another_starts() -> Result<()> {
    let (pid, seen) = in_a_process_of_its_own("crash");
    assert!(seen.contains("up"), "{seen}");
    // Another test may have cleared it away already.
    drop(Network::of(["db1"])?);
    assert_eq!(marks_of(pid), Vec::<String>::new());
    Ok(())
}

/// How the test below learns that it runs in a process of its own, and how to end it.
const END: &str = "DAYPASS_TEST_END";

/// Started by the two tests above; alone it has nothing to do.
#[test]
fn starts_a_network_and_ends_as_told() -> Result<()> {
    let Ok(end) = std::env::var(END) else {
        return Ok(());
    };
    let network = Network::of(["db1"])?;
    let up = network.host("db1")?.root(["echo", "up"]).ok()?;
    assert!(!marks_of(std::process::id()).is_empty());
    eprintln!("{up}");
    if end == "crash" {
        std::process::abort();
    }
    Ok(())
}

fn in_a_process_of_its_own(end: &str) -> (u32, String) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "starts_a_network_and_ends_as_told",
            "--nocapture",
        ])
        .env(END, end)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    let output = child.wait_with_output().unwrap();
    (pid, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Everything outside that carries the name of a run of this process.
fn marks_of(pid: u32) -> Vec<String> {
    let mark = format!("dp{pid:x}-");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mut marks: Vec<String> = mounts
        .lines()
        .filter(|line| line.contains(&mark))
        .map(str::to_owned)
        .collect();
    for directory in ["/run/netns", "/run/daypass-hosts"] {
        let names = std::fs::read_dir(directory).unwrap().flatten();
        marks.extend(
            names
                .map(|entry| entry.path().display().to_string())
                .filter(|path| path.contains(&mark)),
        );
    }
    marks
}
