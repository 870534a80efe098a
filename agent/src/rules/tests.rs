use std::path::Path;

use daypass_protocol::event::{Command, Identity, Outcome};

use super::*;
use crate::config::Config;

const SHELLS: &str = r#"
[[end]]
name = "no-shells"
title = "Shells as root are not for visitors"
when.actions = ["sudo"]
when.commands = [{ program = "(ba|da)?sh", operands = "none" }]
unless = [{ fields = { account = "deploy" } }]
"#;

fn rules(text: &str) -> EndRules {
    Config::parse(Path::new("agent.toml"), text).unwrap().end
}

fn refused(text: &str) -> String {
    let error = Config::parse(Path::new("/etc/daypass/agent.toml"), text).unwrap_err();
    error.to_string()
}

fn event(action: Action, account: &str, words: &[Vec<u8>]) -> Event {
    Event::new(action)
        .outcome(Outcome::Allowed)
        .by(Identity {
            account: Some(account.to_owned()),
            ..Identity::default()
        })
        .command(Command::from_arguments(words))
}

/// The rule that ends the session in which `account` asks for this.
fn ends(rules: &EndRules, account: &str, words: &[&str]) -> Option<String> {
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    match rules.judge(&event(Action::SudoRequest, account, &words), &words) {
        Verdict::Ends(rule) => Some(rule.name.clone()),
        Verdict::Passes => None,
        Verdict::Unclear => Some("unclear".to_owned()),
    }
}

#[test]
fn a_rule_holds_for_what_is_run_however_it_is_called() {
    let rules = rules(SHELLS);
    for words in [
        &["sudo", "bash"][..],
        &["sudo", "-i"],
        &["sudo", "-u", "root", "env", "A=b", "/bin/sh"],
        &["sudo", "--us", "root", "dash"],
        // Its name is the caller's choice.
        &["harmless", "bash"],
        &["edit", "bash"],
        &["sudo", "sh", "-c", "true; exec bash"],
    ] {
        assert_eq!(
            ends(&rules, "carol", words).as_deref(),
            Some("no-shells"),
            "{words:?}"
        );
    }
    for words in [
        &["sudo", "id"][..],
        &["sudo", "-l"],
        &["sudo", "bash", "/opt/deploy.sh"],
        &["sudoedit", "/etc/hosts"],
    ] {
        assert_eq!(ends(&rules, "carol", words), None, "{words:?}");
    }
}

#[test]
fn who_is_left_out_is_left_out() {
    assert_eq!(ends(&rules(SHELLS), "deploy", &["sudo", "bash"]), None);
}

#[test]
fn nothing_hides_behind_the_length_of_a_command() {
    let rules = rules(SHELLS);
    let long = format!("A={}", "x".repeat(20_000));
    // Longer than what the entry keeps.
    let hidden = ["sudo", "env", &long, "bash"];
    assert_eq!(ends(&rules, "carol", &hidden).as_deref(), Some("no-shells"));
    let longer = "x".repeat(LONGEST_COMMAND);
    let unclear = ["sudo", "tar", &longer];
    assert_eq!(ends(&rules, "carol", &unclear).as_deref(), Some("unclear"));
    let deep = format!("{}bash{}", "$(".repeat(20), ")".repeat(20));
    let nested = ["sudo", "sh", "-c", &deep];
    assert_eq!(ends(&rules, "carol", &nested).as_deref(), Some("unclear"));
    // The kernel did not show it.
    assert_eq!(ends(&rules, "carol", &[]).as_deref(), Some("unclear"));
}

#[test]
fn without_a_rule_about_commands_none_is_unclear() {
    let text = SHELLS.replace(
        "when.commands = [{ program = \"(ba|da)?sh\", operands = \"none\" }]",
        "when.fields = { person = \"dave\" }",
    );
    let longer = "x".repeat(LONGEST_COMMAND);
    assert_eq!(
        ends(&rules(&text), "carol", &["sudo", "tar", &longer]),
        None
    );
    assert_eq!(
        ends(&EndRules::default(), "carol", &["sudo", &longer]),
        None
    );
}

#[test]
fn logins_are_judged_by_their_time() {
    let text = "[[end]]\nname = \"nights\"\ntitle = \"Nobody at night\"\nwhen.actions = [\"session.open\"]\n\
        when.outside-hours = { ranges = [{ days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"], from = \"00:00\", to = \"24:00\" }] }\n";
    let opened = event(Action::SessionOpen, "carol", &[]);
    assert_eq!(rules(text).judge(&opened, &[]), Verdict::Passes);
    let never = text.replace("to = \"24:00\"", "to = \"00:01\"");
    let noon = DateTime::parse_from_rfc3339("2026-11-23T12:00:00Z").unwrap();
    let line = entry(&opened, noon.into());
    let subject = Asked {
        source: Source::new(None, &line),
        words: &[],
        commands: OnceCell::new(),
    };
    assert!(rules(&never).0[0].holds(&subject));
}

#[test]
fn what_could_not_work_is_refused_with_file_and_line() {
    let twice = format!("{SHELLS}{SHELLS}");
    for (text, part) in [
        (
            SHELLS.replace("title", "titel"),
            "line 4: unknown field `titel`",
        ),
        (SHELLS.replace("program", "programme"), "line 6"),
        (SHELLS.replace("(ba|da)?sh", "(ba"), "line 6"),
        (SHELLS.replace("\"sudo\"", "\"sudo.maybe\""), "line 5"),
        (
            SHELLS.replace("\"sudo\"", "\"login.denied\""),
            "\"login.denied\" is not judged here",
        ),
        (
            SHELLS.replace("when.actions = [\"sudo\"]\n", ""),
            "when.actions must say",
        ),
        (SHELLS.replace("no-shells", "No shells"), "small letters"),
        (SHELLS.replace("Shells as", "Shells\\nas"), "line 4"),
        (twice, "\"no-shells\" stands there twice"),
    ] {
        let said = refused(&text);
        assert!(said.starts_with("/etc/daypass/agent.toml, line "), "{said}");
        assert!(said.contains(part), "{part} is not in {said}");
    }
}

#[test]
fn the_man_pages_example_can_be_used() {
    let page = include_str!("../../../packaging/man/daypass-agent.8");
    let (_, behind) = page.split_once("# /etc/daypass/agent.toml\n").unwrap();
    let (example, _) = behind.split_once("\n.fi\n").unwrap();
    let rules = rules(&example.replace("\\-", "-"));
    assert_eq!(
        ends(&rules, "deploy", &["sudo", "vim", "/etc/hosts"]).as_deref(),
        Some("no-shells")
    );
}
