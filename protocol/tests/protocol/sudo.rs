//! Sudo items, compared with what sudo's own tools read.

use daypass_protocol::sudo_item::SudoItem;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::Command;

fn item(text: &str) -> SudoItem {
    text.parse().unwrap()
}

/// A sudoers file that grants the items to one group, as the agent writes it.
fn sudoers(items: &[SudoItem]) -> String {
    items
        .iter()
        .map(|item| format!("%#1900000000 ALL = {}\n", item.to_sudoers()))
        .collect()
}

/// What `cvtsudoers` understands, one `Cmnd_Specs` entry for each line.
fn understood(items: &[SudoItem]) -> Vec<Value> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(sudoers(items).as_bytes()).unwrap();
    let visudo = Command::new("/usr/sbin/visudo")
        .args(["-c", "-f"])
        .arg(file.path())
        .output()
        .unwrap();
    assert!(
        visudo.status.success(),
        "{}{}",
        sudoers(items),
        String::from_utf8_lossy(&visudo.stderr)
    );
    let read = Command::new("/usr/bin/cvtsudoers")
        .args(["-f", "json"])
        .arg(file.path())
        .output()
        .unwrap();
    assert!(
        read.status.success(),
        "{}",
        String::from_utf8_lossy(&read.stderr)
    );
    let mut read: Value = serde_json::from_slice(&read.stdout).unwrap();
    let Value::Array(specs) = read["User_Specs"].take() else {
        panic!("no User_Specs")
    };
    specs
}

/// What we say that the item means, in `cvtsudoers`' words.
fn meant(item: &SudoItem) -> Value {
    let (runas, command) = match item {
        SudoItem::All => (
            json!({"runasusers": [{"username": "ALL"}], "runasgroups": [{"usergroup": "ALL"}]}),
            "ALL".to_owned(),
        ),
        SudoItem::Command {
            run_as,
            path,
            arguments,
        } => {
            let run_as = run_as
                .as_ref()
                .map_or_else(|| "root".to_owned(), ToString::to_string);
            (
                json!({"runasusers": [{"username": run_as}]}),
                format!("{path}{arguments}"),
            )
        }
    };
    let mut spec = runas;
    spec["Options"] = json!([{"authenticate": false}]);
    spec["Commands"] = json!([{"command": command}]);
    if *item == SudoItem::All {
        spec["Options"] = json!([{"authenticate": false}, {"setenv": true}]);
    }
    json!({
        "User_List": [{"usergid": 1_900_000_000}],
        "Host_List": [{"hostname": "ALL"}],
        "Cmnd_Specs": [spec],
    })
}

fn tools_are_here() -> bool {
    // Where sudo is not installed (a developer's laptop) there is nothing to compare with; CI has it.
    std::path::Path::new("/usr/sbin/visudo").exists()
        && std::path::Path::new("/usr/bin/cvtsudoers").exists()
}

fn compare(items: &[SudoItem]) {
    if !tools_are_here() {
        return;
    }
    let read = understood(items);
    let meant: Vec<_> = items.iter().map(meant).collect();
    // Sorted keys on both sides: serde_json's maps are ordered.
    assert_eq!(read, meant);
}

#[test]
fn what_we_write_is_what_sudo_reads() {
    compare(&[
        item("/usr/bin/id"),
        item("/usr/bin/id \"\""),
        item("/usr/bin/systemctl restart nginx"),
        item("/usr/bin/systemctl status *"),
        item("/usr/bin/journalctl *"),
        item("(deploy) /opt/app/bin/release-1.2_3+x@y"),
        item("(ALL) /usr/bin/uptime"),
        item("/bin/a ; & | $x <y> `z` {q} @r +s"),
        item("/bin/ALL"),
        item("/bin/x NOPASSWD ALL sudoedit"),
        item("/bin/x - -- -i +x @y"),
        item("ALL"),
    ]);
}

#[test]
fn what_could_mean_something_else_cannot_be_written() {
    for text in [
        "",
        " ",
        "id",
        "all",
        "!ALL",
        "!/bin/sh",
        "/",
        "/bin/",
        "/bin//id",
        "/bin/../id",
        "/bin/./id",
        "/bin/*",
        "/bin/i?",
        "/bin/[i]d",
        "/bin/i\\d",
        "/bin/true : ALL=(ALL) NOPASSWD: ALL",
        "/bin/true, ALL",
        "/bin/true,ALL",
        "/bin/true ,ALL",
        "/bin/true\nALL ALL=(ALL) ALL",
        "/bin/true\\\n",
        "/bin/true #comment",
        "/bin/true x=y",
        "/bin/true \"a b\"",
        "/bin/true 'a'",
        "/bin/true a  b",
        "/bin/true ",
        " /bin/true",
        "/bin/true a*",
        "/bin/true *a",
        "/bin/true * a",
        "/bin/true * *",
        "/bin/true \"\" a",
        "/bin/true a \"\"",
        "/bin/true ^a$",
        "/bin/true é",
        "/bin/é",
        "NOPASSWD: ALL",
        "sha256:abcd /bin/true",
        "SUDOEDIT",
        "sudoedit /etc/motd",
        "/usr/bin/sudoedit /etc/motd",
        "()/bin/true",
        "() /bin/true",
        "(root)/bin/true",
        "(root : root) /bin/true",
        "(root,bin) /bin/true",
        "(#0) /bin/true",
        "(%adm) /bin/true",
        "(!root) /bin/true",
        "(root) ALL",
        "(ALL)  /bin/true",
        "((ALL)) /bin/true",
    ] {
        assert!(text.parse::<SudoItem>().is_err(), "{text:?}");
    }
    assert!(
        format!("/bin/{}", "x".repeat(1020))
            .parse::<SudoItem>()
            .is_err()
    );
}

#[test]
fn ways_to_root_are_told() {
    for text in [
        "ALL",
        "/bin/bash",
        "/usr/bin/vim.tiny",
        "/usr/bin/python3.11 /opt/x.py",
        "(root) /usr/bin/less /var/log/syslog",
        "(ALL) /usr/bin/tee",
        "/usr/bin/apt-get install nginx",
    ] {
        assert!(item(text).is_root_equivalent(), "{text}");
    }
    for text in [
        "/usr/bin/systemctl restart nginx",
        "(deploy) /bin/bash",
        "/usr/bin/id \"\"",
    ] {
        assert!(!item(text).is_root_equivalent(), "{text}");
    }
}

fn grammatical() -> impl Strategy<Value = String> {
    let run_as = prop_oneof![
        Just(String::new()),
        Just("(ALL) ".to_owned()),
        "\\([a-z_][a-z0-9_.-]{0,8}\\) "
    ];
    // Words that sudoers knows, in places where they must mean nothing.
    let word = prop_oneof![
        4 => "[A-Za-z0-9$&+./;<>@_`{|}-]{1,8}",
        1 => proptest::sample::select(vec!["ALL", "NOPASSWD", "sudoedit", "@include", "-", "..", "/", "Defaults"])
            .prop_map(str::to_owned),
    ];
    let arguments = prop_oneof![
        Just(String::new()),
        Just(" \"\"".to_owned()),
        Just(" *".to_owned()),
        proptest::collection::vec(word, 1..5).prop_map(|words| format!(" {}", words.join(" "))),
    ];
    (
        run_as,
        "(/[A-Za-z0-9_+@-][A-Za-z0-9._+@-]{0,6}){1,3}",
        arguments,
        any::<bool>(),
    )
        .prop_map(|(run_as, path, arguments, star)| {
            let star = if star && !arguments.is_empty() && !arguments.ends_with(['*', '"']) {
                " *"
            } else {
                ""
            };
            format!("{run_as}{path}{arguments}{star}")
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn sudo_reads_every_item_of_the_grammar_as_we_mean_it(texts in proptest::collection::vec(grammatical(), 50)) {
        let items: Vec<SudoItem> = texts.iter().filter_map(|text| text.parse().ok()).collect();
        prop_assert!(items.len() > 25);
        compare(&items);
    }
}

proptest! {
    #[test]
    fn an_item_comes_back_from_its_text(text in grammatical()) {
        if let Ok(item) = text.parse::<SudoItem>() {
            prop_assert_eq!(item.to_string(), text);
        }
    }

    #[test]
    fn whatever_is_accepted_is_inert(text in "[ -~\\n]{0,40}") {
        if let Ok(item) = text.parse::<SudoItem>() {
            prop_assert_eq!(item.to_string(), text.clone());
            prop_assert!(text == "ALL" || !text.contains([',', ':', '=', '!', '\\', '\n', '#']));
        }
    }
}
