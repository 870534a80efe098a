use super::*;

const PACKAGED: &str = include_str!("../../../../packaging/debian/files-host/sudoers");

fn bound_to(binding: &Value, option: &Value) -> Value {
    json!({ "Binding": [binding], "Options": [option] })
}

/// The place.
fn ours() -> Value {
    bound_to(&json!({ "username": PLACE }), &json!({ "rootpw": false }))
}

fn site(option: &Value) -> Value {
    json!({ "Options": [{ "env_reset": true }, option] })
}

fn silent() -> Value {
    site(&json!({ "pam_acct_mgmt": false }))
}

fn of(form: Form, all: Vec<Value>) -> Option<Flaw> {
    let settings = Settings {
        all,
        ..Settings::default()
    };
    settings.flaw(form, |name| name == "deploy")
}

fn behind(setting: &str) -> Option<Flaw> {
    Some(Flaw::Behind(setting.to_owned()))
}

fn anywhere(setting: &str) -> Option<Flaw> {
    Some(Flaw::Anywhere(setting.to_owned()))
}

#[test]
fn only_what_is_read_behind_ours_and_says_otherwise_counts() {
    let of = |all| of(Form::Group, all);
    assert_eq!(of(vec![silent(), ours()]), None);
    assert_eq!(of(vec![ours(), silent()]), behind("!pam_acct_mgmt"));
    // A session's own come behind the place.
    let session = bound_to(
        &json!({ "usergid": FIRST_SESSION_GID }),
        &json!({ "pam_acct_mgmt": true }),
    );
    assert_eq!(of(vec![ours(), silent(), session]), None);
    for (option, said) in [
        (json!({ "targetpw": true }), behind("targetpw")),
        (json!({ "targetpw": false }), None),
        (
            json!({ "pam_service": "other" }),
            behind("pam_service=other"),
        ),
        (json!({ "pam_service": "sudo" }), behind("pam_service=sudo")),
        (
            json!({ "pam_askpass_service": "other" }),
            behind("pam_askpass_service=other"),
        ),
        (json!({ "passwd_tries": 5 }), None),
    ] {
        assert_eq!(of(vec![ours(), site(&option)]), said);
    }
    // Another group's are a site's.
    let theirs = bound_to(&json!({ "usergid": 27 }), &json!({ "runaspw": true }));
    assert_eq!(of(vec![ours(), theirs]), behind("runaspw"));
}

#[test]
fn where_sudo_does_not_read_our_file_nothing_is_known() {
    let session = bound_to(
        &json!({ "usergid": FIRST_SESSION_GID }),
        &json!({ "rootpw": false }),
    );
    for form in [Form::Group, Form::Account] {
        assert_eq!(of(form, Vec::new()), Some(Flaw::Unread));
        assert_eq!(of(form, vec![silent()]), Some(Flaw::Unread));
        // A session's rules show where they are read, and not what is read behind them once they are gone.
        assert_eq!(of(form, vec![session.clone()]), Some(Flaw::Unread));
    }
}

#[test]
fn what_a_site_sets_for_commands_counts_wherever_it_stands() {
    for bound in [
        json!({ "command": "/usr/bin/id" }),
        json!({ "command": "ALL" }),
        json!({ "cmndalias": "SHELLS" }),
    ] {
        for (option, said) in [
            (json!({ "pam_session": false }), anywhere("!pam_session")),
            (json!({ "targetpw": true }), anywhere("targetpw")),
            (json!({ "pam_service": "x" }), anywhere("pam_service=x")),
            (json!({ "noexec": true }), None),
        ] {
            let theirs = bound_to(&bound, &option);
            for form in [Form::Group, Form::Account] {
                assert_eq!(of(form, vec![theirs.clone(), ours()]), said, "{bound}");
                assert_eq!(of(form, vec![ours(), theirs.clone()]), said, "{bound}");
            }
        }
    }
}

#[test]
fn what_a_site_sets_for_other_users_alone_is_their_matter() {
    let said = |binding: Value| {
        let theirs = json!({ "Binding": binding, "Options": [{ "pam_session": false }] });
        of(Form::Group, vec![ours(), theirs]).is_some()
    };
    assert!(!said(json!([{ "username": "nagios" }])));
    for binding in [
        json!([{ "username": "deploy" }]),
        json!([{ "username": "nagios" }, { "username": "deploy" }]),
        json!([{ "username": "nagios", "negated": true }]),
        json!([{ "username": "ALL" }]),
        json!([{ "userid": 1001 }]),
        json!([{ "usergroup": "nagios" }]),
        json!([{ "useralias": "MONITORS" }]),
        json!([{ "runasalias": "OPERATORS" }]),
        json!([{ "hostname": "db1" }]),
        json!([]),
    ] {
        assert!(said(binding.clone()), "{binding}");
    }
}

#[test]
fn what_a_site_sets_for_whom_commands_run_as_is_nobodys_own_matter() {
    let theirs = bound_to(
        &json!({ "username": "root" }),
        &json!({ "pam_session": false }),
    );
    let of = |all: Vec<Value>| {
        let settings = Settings {
            all,
            of_targets: vec![theirs.clone()],
        };
        settings.flaw(Form::Group, |name| name == "deploy")
    };
    assert_eq!(of(vec![ours(), theirs.clone()]), behind("!pam_session"));
    assert_eq!(of(vec![theirs.clone(), ours()]), None);
}

#[test]
fn beside_sudo_rs_nobody_is_silenced_from_anywhere() {
    let before = |option: Value| of(Form::Account, vec![site(&option), ours()]);
    for (option, said) in [
        (json!({ "pam_session": false }), anywhere("!pam_session")),
        (json!({ "pam_service": "x" }), anywhere("pam_service=x")),
        (
            json!({ "pam_login_service": "x" }),
            anywhere("pam_login_service=x"),
        ),
        (
            json!({ "pam_askpass_service": "x" }),
            anywhere("pam_askpass_service=x"),
        ),
        // By these it is asked where nothing is set.
        (json!({ "pam_service": "sudo" }), None),
        (json!({ "pam_login_service": "sudo-i" }), None),
        (json!({ "pam_acct_mgmt": true }), None),
        // The rules of both say so themselves; with `runaspw` PAM is asked as ever, and about who calls.
        (json!({ "targetpw": true }), None),
        (json!({ "runaspw": true }), None),
    ] {
        assert_eq!(before(option.clone()), said, "{option}");
    }
    let targetpw = site(&json!({ "targetpw": true }));
    assert_eq!(
        of(Form::Account, vec![ours(), targetpw]),
        behind("targetpw")
    );
    let of_name = |name: &str| {
        let entry = bound_to(
            &json!({ "username": name }),
            &json!({ "pam_session": false }),
        );
        of(Form::Account, vec![entry, ours()])
    };
    assert_eq!(of_name("nagios"), None);
    assert_eq!(of_name("deploy"), anywhere("!pam_session"));
}

#[test]
fn a_tool_that_says_what_nobody_can_read_is_no_word_for_all_is_well() {
    assert!(list(" \n").unwrap().is_empty());
    assert!(list("{}\n").unwrap().is_empty());
    for said in ["{", "no such option", "{} {}"] {
        assert!(list(said).is_err(), "{said}");
    }
}

/// As the package has it, and as sudo's own tool reads it back.
#[test]
fn the_packages_own_file_shows_its_place_to_sudos_tool() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sudoers");
    let looks = |before: &str, behind: &str| {
        std::fs::write(&path, format!("{before}{PACKAGED}{behind}")).unwrap();
        flaw(&path, |name| name == "deploy").unwrap()
    };
    assert_eq!(looks("", ""), None);
    assert_eq!(looks("", "Defaults !pam_session\n"), behind("!pam_session"));
    // As sudo's tool names whom a setting is for.
    assert_eq!(looks("", "Defaults:nagios !pam_session\n"), None);
    for ours in [":deploy", ":ALL", ":!nagios", ":%nagios", ">root", ">#0"] {
        let setting = format!("Defaults{ours} !pam_session\n");
        assert_eq!(looks("", &setting), behind("!pam_session"), "{ours}");
        assert_eq!(looks(&setting, ""), None, "{ours}");
    }
    for commands in ["/usr/bin/id", "ALL", "/usr/bin/id, /bin/true"] {
        let setting = format!("Defaults!{commands} !pam_session\n");
        let said = anywhere("!pam_session");
        assert_eq!(looks("", &setting), said, "{commands}");
        assert_eq!(looks(&setting, ""), said, "{commands}");
    }
    assert_eq!(looks("Defaults !pam_session\n", ""), None);
    let broken = looks("", "Defaults = =\n");
    assert!(matches!(broken, Some(Flaw::Unreadable(_))), "{broken:?}");
    std::fs::write(&path, "Defaults !pam_session\n").unwrap();
    assert_eq!(flaw(&path, |_| true).unwrap(), Some(Flaw::Unread));
}
