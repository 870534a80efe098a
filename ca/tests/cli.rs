//! What the command says: transcripts, and that the man page knows every flag.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

#[test]
fn the_command_says_what_the_transcripts_say() {
    trycmd::TestCases::new().case("tests/cmd/*.trycmd");
}

#[test]
fn every_flag_and_every_command_stands_in_the_man_page() {
    let page = include_str!("../../packaging/man/daypass-ca.8").replace("\\-", "-");
    for command in daypass_ca::cli::command().get_subcommands() {
        assert!(page.contains(&format!(".SS {}", command.get_name())));
        for flag in command
            .get_arguments()
            .filter_map(|argument| argument.get_long())
        {
            assert!(page.contains(&format!("--{flag}")), "--{flag} is missing");
        }
    }
}

#[test]
fn init_makes_a_ca_once_and_shows_the_recovery_key() {
    let directory = tempfile::tempdir().unwrap();
    // Root hands the files over to another user, who must be able to reach them.
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let key = file(
        "ada.pub",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti ada@laptop\n",
    );
    let passphrase = file("passphrase", "correct horse battery\n");
    let init = || {
        Command::new(env!("CARGO_BIN_EXE_daypass-ca"))
            .args([
                "init",
                "--admin",
                "ada",
                "--name",
                "ca.example.org",
                "--user",
                "nobody",
                "--admin-key",
            ])
            .arg(&key)
            .arg("--passphrase-file")
            .arg(&passphrase)
            .arg("--config")
            .arg(directory.path().join("ca.toml"))
            .arg("--data")
            .arg(directory.path().join("data"))
            .output()
            .unwrap()
    };
    let first = init();
    let said = String::from_utf8(first.stdout).unwrap();
    assert!(
        first.status.success(),
        "{}",
        String::from_utf8_lossy(&first.stderr)
    );
    for part in [
        "BEGIN OPENSSH PRIVATE KEY",
        "daypass-setup-1.",
        "daypass roster sign --pin",
    ] {
        assert!(said.contains(part), "{part} is missing from {said}");
    }
    let trust = Command::new(env!("CARGO_BIN_EXE_daypass-ca"))
        .args(["trust", "--data"])
        .arg(directory.path().join("data"))
        .output()
        .unwrap();
    let trust = String::from_utf8(trust.stdout).unwrap();
    let trust = daypass_journal::trust::Trust::parse(&trust).unwrap();
    assert!(trust.logs[0].origin().contains("/ca/"));
    assert!(said.contains(trust.pin.as_deref().unwrap()));
    assert!(
        trust.user_ca[0]
            .parse::<daypass_protocol::key::Key>()
            .is_ok()
    );
    let second = init();
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(said.contains("there is a CA in"), "{said}");
}
