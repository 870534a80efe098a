//! Defaults, a site's own, and what cannot work.

use super::*;

#[test]
fn the_defaults_do_what_their_examples_say() {
    let rules = RuleSet::defaults().unwrap();
    assert_eq!(rules.wrong_examples(), []);
    assert!(rules.count() >= 20);
}

const OWN: &str = r#"
    [[rule]]
    name = "uploads"
    title = "Something was uploaded"
    severity = "low"
    when.actions = ["sudo.request"]
    when.commands = [{ program = "curl|wget", words = ["(?i)https?://.*"] }]
    fires = [{ command = "sudo curl -T x https://example.org" }]
    passes = [{ command = "sudo curl --version" }]
"#;

fn with(text: &str) -> Result<RuleSet, RulesError> {
    RuleSet::defaults()
        .unwrap()
        .with(text, Path::new("/etc/daypass/alerts.toml"))
}

#[test]
fn a_site_adds_replaces_and_turns_off() {
    let before = RuleSet::defaults().unwrap().count();
    let own = with(OWN).unwrap();
    assert_eq!(own.count(), before + 1);
    assert_eq!(own.wrong_examples(), []);
    assert_eq!(
        with(&OWN.replace("uploads", "root-shell")).unwrap().count(),
        before
    );
    assert_eq!(
        with("disable = ['root-shell']").unwrap().count(),
        before - 1
    );
}

#[test]
fn what_a_site_ignores_no_rule_judges() {
    let rules = with("ignore = [{ actions = ['sudo'], fields = { window = '' } }]").unwrap();
    let fired = |window: &str| {
        let line = format!(
            r#"{{"seq":1,"action":"sudo.request","identity":{{{window}"account":"admin"}},"command":{{"line":"sudo -i"}}}}"#
        );
        let origin = "daypass/0123456789abcdef/host/db1/00000000000000ff";
        let subject = Subject::new(origin, line.as_bytes());
        let fired = rules.judge(&subject, &mut Bursts::default());
        fired
            .iter()
            .map(|rule| rule.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(fired(r#""window":"w-1","#), ["root-shell"]);
    assert!(fired("").is_empty(), "an account of the house");
    assert_eq!(rules.wrong_examples(), [], "rules are what they were");
}

#[test]
fn a_clock_that_is_ahead_hides_no_burst() {
    let rules = RuleSet::defaults().unwrap();
    let origin = "daypass/0123456789abcdef/host/db1/00000000000000ff";
    let mut bursts = Bursts::default();
    let mut fired = |time: &str, minute: i64| {
        let line = format!(
            r#"{{"seq":1,"time":"{time}","action":"sudo.denied","identity":{{"person":"carol"}}}}"#
        );
        // 10:00 on that day, and so many minutes.
        let arrived = (1_795_428_000 + minute * 60) * 1_000_000;
        let subject = Subject::new(origin, line.as_bytes()).arrived(arrived);
        !rules.judge(&subject, &mut bursts).is_empty()
    };
    assert!(!fired("2030-01-01T00:00:00Z", 0));
    assert!(!fired("2026-11-23T10:01:00Z", 1));
    assert!(fired("2026-11-23T10:02:00Z", 2));
}

#[test]
fn what_cannot_work_is_refused_with_file_and_line() {
    for (text, part) in [
        (OWN.replace("severity", "severty"), "line 5"),
        (OWN.replace("sudo.request", "sudo.maybe"), "sudo.maybe"),
        (OWN.replace("curl|wget", "curl|("), "line 7"),
        (OWN.replace("uploads", "Up Loads"), "small letters"),
        (format!("{OWN}\n{OWN}"), "twice"),
        ("disable = ['no-such-rule']".to_owned(), "no-such-rule"),
        ("zone = 'Nowhere/Land'\n[[rule]]\nname = 'x'\ntitle = 'x'\nseverity = 'low'\nfires = []\npasses = []\n\
          when.outside-hours = { ranges = [{days = ['mon'], from = '08:00', to = '18:00'}] }".to_owned(), "Nowhere/Land"),
        (OWN.replace("{ program", "{ fields = 1, program"), "fields"),
    ] {
        let error = with(&text).unwrap_err();
        let message = crate::diagnostic::explain(&error);
        assert!(message.contains(part), "{part} is not in {message}");
        assert!(message.contains("/etc/daypass/alerts.toml"), "{message}");
    }
}

#[test]
fn the_man_pages_example_does_what_it_says() {
    let page = include_str!("../../../../packaging/man/daypass-collector.8");
    let (_, behind) = page.split_once("# /etc/daypass/alerts.toml\n").unwrap();
    let (example, _) = behind.split_once("\n.fi\n").unwrap();
    let own = with(&example.replace("\\-", "-")).unwrap();
    assert_eq!(own.wrong_examples(), []);
}

#[test]
fn an_example_that_turns_out_otherwise_is_named() {
    let wrong = with(&OWN.replace("--version", "http://example.org"))
        .unwrap()
        .wrong_examples();
    assert!(
        matches!(&wrong[..], [WrongExample::Loud { rule, .. }] if rule == "uploads"),
        "{wrong:?}"
    );
    let wrong = with(&OWN.replace("-T x https", "-T x ftp"))
        .unwrap()
        .wrong_examples();
    assert!(
        matches!(&wrong[..], [WrongExample::Silent { .. }]),
        "{wrong:?}"
    );
}
