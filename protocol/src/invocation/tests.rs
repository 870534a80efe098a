//! What lines run, wrapped and nested.

use super::*;
use proptest::prelude::*;

/// As `program argument argument`, one for each.
fn seen(line: &str) -> Vec<String> {
    invocations(line.as_bytes())
        .programs
        .into_iter()
        .map(|found| {
            let words: Vec<_> = std::iter::once(found.program)
                .chain(found.arguments)
                .collect();
            String::from_utf8_lossy(&words.join(&b' ')).into_owned()
        })
        .collect()
}

#[test]
fn wrappers_and_paths_are_looked_through() {
    for (line, what) in [
        ("sudo rm -rf /srv", "rm -rf /srv"),
        (
            "sudo -u postgres -- /usr/bin/psql -c 'DROP TABLE x'",
            "psql -c DROP TABLE x",
        ),
        ("/usr/bin/sudo -nu postgres psql", "psql"),
        ("sudo --user=postgres FOO=bar psql", "psql"),
        ("sudo --us postgres psql", "psql"),
        ("sudo --shel", "sh"),
        ("sudo su --comm 'rm x' postgres", "rm x"),
        (
            "sudo env -i -u B A=1 nice -n 5 nohup timeout -k 3 10s rm x",
            "rm x",
        ),
        ("sudo env -S 'rm -r /etc'", "rm -r /etc"),
        ("sudo env -S '-i A=1 rm' -r /etc", "rm -r /etc"),
        ("sudo env -u B a-b=1 /c=1 rm x", "rm x"),
        ("sudo LANG=C -n rm x", "rm x"),
        ("sudo -u a A=b -- rm x", "rm x"),
        ("sudo a-b=1 rm x", "rm x"),
        ("sudo A=b -u a C=d --chdir / -n rm -n x=y", "rm -n x=y"),
        ("sudo A=b -s", "sh"),
        ("sudo -- a-b=1 rm x", "a-b=1 rm x"),
        ("sudo /srv/a=b -n rm x", "a=b -n rm x"),
        ("sudo busybox rm -r /etc", "rm -r /etc"),
        (
            "sudo ionice -c3 setsid -f stdbuf -oL dd of=/dev/sda",
            "dd of=/dev/sda",
        ),
        ("sudo systemd-run --unit x -p A=b rm x", "rm x"),
        ("sudo -e /etc/sudoers", "sudoedit /etc/sudoers"),
        (
            "sudoedit -u root /etc/sudoers",
            "sudoedit -u root /etc/sudoers",
        ),
        ("sudo -i", "sh"),
        ("sudo -s", "sh"),
        ("sudo -iu postgres", "sh"),
        ("sudo su -", "sh"),
        ("sudo su - postgres", "sh"),
        ("sudo su postgres -c 'psql -c x'", "psql -c x"),
        ("sudo su -Tc 'rm x' root", "rm x"),
        ("sudo runuser -c 'rm x' postgres", "rm x"),
        ("sudo runuser -u postgres -G adm rm x", "rm x"),
        ("sudo runuser --user=postgres -- rm x", "rm x"),
        ("sudo runuser postgres", "sh"),
        ("sudo -s rm -r /etc", "rm -r /etc"),
        ("sudo xargs -n 1 -I {} rm -r {}", "rm -r {}"),
        ("sudo chroot /mnt rm -r /etc", "rm -r /etc"),
        ("sudo nsenter -t 1 -a rm x", "rm x"),
    ] {
        assert_eq!(seen(line), [what], "{line}");
    }
}

#[test]
fn a_call_of_sudo_is_one_whatever_it_calls_itself() {
    let seen = |line: &str| {
        let found = invocations_of_sudo(line.as_bytes()).programs;
        let programs = found.into_iter().map(|found| found.program);
        programs
            .map(|name| String::from_utf8_lossy(&name).into_owned())
            .collect::<Vec<_>>()
    };
    for (line, what) in [
        ("sudo bash", &["bash"][..]),
        ("x bash", &["bash"]),
        ("'' -u root bash", &["bash"]),
        ("A=b bash", &["bash"]),
        ("nice -n bash", &["bash"]),
        ("sudoedit /etc/passwd", &["passwd", "sudoedit"]),
        ("", &[]),
    ] {
        assert_eq!(seen(line), what, "{line}");
    }
}

#[test]
fn scripts_are_taken_apart() {
    for (line, what) in [
        (
            "sudo sh -c 'id; rm -r /etc'",
            &["sh -c id; rm -r /etc", "id", "rm -r /etc"][..],
        ),
        (
            "sudo bash -lc 'cd / && rm -r etc | tee /x'",
            &[
                "bash -lc cd / && rm -r etc | tee /x",
                "cd /",
                "rm -r etc",
                "tee /x",
            ],
        ),
        (
            "sudo bash -o pipefail -c 'id'",
            &["bash -o pipefail -c id", "id"],
        ),
        (
            "sudo sh -c 'echo x > /etc/sudoers'",
            &["sh -c echo x > /etc/sudoers", "echo x /etc/sudoers"],
        ),
        (
            "sudo sh -c 'echo $(rm -r /etc)'",
            &[
                "sh -c echo $(rm -r /etc)",
                "echo $(rm -r /etc)",
                "rm -r /etc",
            ],
        ),
        (
            "sudo sh -c 'if true; then rm -r /etc; fi'",
            &["sh -c if true; then rm -r /etc; fi", "true", "rm -r /etc"],
        ),
        (
            "sudo sh -c \"sh -c 'id'\"",
            &["sh -c sh -c 'id'", "sh -c id", "id"],
        ),
        (
            "sudo find / -name x -exec rm -r '{}' ';'",
            &["find / -name x -exec rm -r {} ;", "rm -r {}"],
        ),
        ("sudo bash x.sh -c", &["bash x.sh -c"]),
        (
            "sudo sh -c 'eval \"rm -r /etc\"'",
            &["sh -c eval \"rm -r /etc\"", "rm -r /etc"],
        ),
    ] {
        assert_eq!(seen(line), what, "{line}");
    }
}

#[test]
fn what_only_lists_runs_nothing() {
    for line in [
        "sudo -l",
        "sudo -v",
        "sudo -k",
        "sudo -V",
        "sudo -ll -U carol",
        "sudo",
        "",
    ] {
        assert!(seen(line).is_empty(), "{line}");
    }
}

#[test]
fn what_is_nested_too_deep_or_goes_on_too_long_is_said() {
    let goes_on = |line: &str| invocations(line.as_bytes()).goes_on;
    let nested = |depth: usize| {
        let (open, close) = (": $(".repeat(depth), ")".repeat(depth));
        format!("sudo sh -c '{open}rm -r /{close}'")
    };
    assert!(!goes_on(&nested(DEPTH - 1)));
    assert!(
        invocations(nested(DEPTH - 1).as_bytes())
            .programs
            .iter()
            .any(|found| found.program == b"rm")
    );
    assert!(goes_on(&nested(DEPTH)));
    let found = "-exec find / ".repeat(DEPTH + 1);
    assert!(goes_on(&format!("sudo find / {found} -exec rm -r / ;")));

    let many = |count: usize| format!("sudo sh -c '{}'", ":;".repeat(count));
    assert!(!goes_on(&many(MOST - 1)));
    assert!(goes_on(&many(MOST)));
    assert!(goes_on(&format!(
        "sudo sh -c '{}'",
        ":;".repeat(MOST - 1) + "eval :"
    )));

    let wrapped = |count: usize| format!("{}rm -r /", "nice ".repeat(count));
    assert!(!goes_on(&wrapped(WRAPPERS)));
    assert!(goes_on(&wrapped(WRAPPERS + 1)));
    // In several commands of one line, too.
    let each = ";nice nice :".repeat(WRAPPERS / 2 + 1);
    assert!(goes_on(&format!("sh -c '{each}'")));
}

proptest! {
    #[test]
    fn any_bytes_are_only_words(line in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(invocations(&line).programs.len() <= MOST);
    }

    #[test]
    fn any_script_is_only_words(script in "[a-z$(){}`'\"\\\\;|&<> \n-]{0,200}") {
        let line = format!("sudo sh -c '{}'", script.replace('\'', "'\\''"));
        prop_assert!(invocations(line.as_bytes()).programs.len() <= MOST);
    }
}
