//! What a site sets for sudo behind contractors' settings. sudo takes settings in the order in which it reads them, whoever they
//! are for, and the last one counts: behind ours, `!pam_acct_mgmt` would have nobody asked and nothing journalled.

use std::path::Path;

use daypass_gate::place::FIRST_SESSION_GID;
use serde_json::Value;

use super::tools::Tools;
use crate::command;

/// For whom our own file of `/etc/sudoers.d` sets something, to show where it is read. sudo-rs takes no long numbers there.
const PLACE: &str = "daypass-principals";
/// What contractors' sudo depends on, and the value that it must not have.
const SWITCHES: [(&str, bool); 5] = [
    ("pam_acct_mgmt", false),
    ("pam_session", false),
    ("rootpw", true),
    ("targetpw", true),
    ("runaspw", true),
];
/// The same of what has a name in it.
const SERVICES: [&str; 2] = ["pam_service", "pam_login_service"];

/// The first setting of sudo's that is read behind contractors' own and says otherwise, as of now; what is for named users alone who
/// are none of these is passed over. `None` as well where there is no original sudo, which alone reads settings so.
///
/// # Errors
/// sudo's files cannot be read.
pub fn overriding(
    sudoers: &Path,
    is_managed: impl Fn(&str) -> bool,
) -> Result<Option<String>, command::Error> {
    let tools = Tools::default();
    if !tools.reader.exists() || !sudoers.exists() {
        return Ok(None);
    }
    let file = sudoers.to_string_lossy();
    let words = ["-f", "json", "-s", "aliases,privileges", &file];
    let said = command::run_within(tools.patience, &tools.reader, &words)?;
    let read = settings(&said).map_err(|error| command::Error::Failed {
        program: tools.reader.display().to_string(),
        said: format!("its JSON cannot be read: {error}"),
    })?;
    let beside_rust = tools.rust_checker.exists();
    let silenced = beside_rust.then(|| silenced(&read, &is_managed)).flatten();
    Ok(silenced.or_else(|| behind(&read, &is_managed)))
}

/// Without a setting the tool may say nothing at all. What else is no JSON hides what counts.
fn settings(said: &str) -> serde_json::Result<Value> {
    match said.trim() {
        "" => Ok(Value::Null),
        said => serde_json::from_str(said),
    }
}

/// Read behind ours.
fn behind(read: &Value, is_managed: impl Fn(&str) -> bool) -> Option<String> {
    let all = read["Defaults"].as_array()?;
    // Of a file that somebody edited nothing is known but what its sessions show.
    let ours = all.iter().rposition(is_ours)?;
    options(all.get(ours + 1..)?, is_managed).find_map(otherwise)
}

/// Read anywhere: beside sudo-rs, which would tell everybody of settings that it does not know, rules set nothing about PAM.
fn silenced(read: &Value, is_managed: impl Fn(&str) -> bool) -> Option<String> {
    let all = read["Defaults"].as_array()?;
    options(all, is_managed)
        .filter_map(otherwise)
        .find(|setting| setting.starts_with("!pam_"))
}

/// What they set that may be for contractors.
fn options(entries: &[Value], is_managed: impl Fn(&str) -> bool) -> impl Iterator<Item = &Value> {
    let theirs = entries
        .iter()
        .filter(move |entry| !is_of_others(entry, &is_managed));
    let lists = theirs.map(|entry| entry["Options"].as_array());
    lists.flatten().flatten()
}

fn is_ours(entry: &Value) -> bool {
    let is_session = |gid: u64| gid >= u64::from(FIRST_SESSION_GID);
    let is_of_ours = |bound: &Value| {
        bound["username"] == PLACE || bound["usergid"].as_u64().is_some_and(is_session)
    };
    let binding = entry["Binding"].as_array();
    binding.is_some_and(|binding| !binding.is_empty() && binding.iter().all(is_of_ours))
}

/// For named users, and nobody of ours among them: a group, a host or somebody's negation may be anybody.
fn is_of_others(entry: &Value, is_managed: impl Fn(&str) -> bool) -> bool {
    let is_other = |bound: &Value| {
        let name = bound["username"].as_str();
        let is_all = bound.as_object().is_some_and(|bound| bound.len() == 1);
        is_all && name.is_some_and(|name| name != "ALL" && !is_managed(name))
    };
    let binding = entry["Binding"].as_array();
    binding.is_some_and(|binding| !binding.is_empty() && binding.iter().all(is_other))
}

fn otherwise(option: &Value) -> Option<String> {
    let switch = SWITCHES.iter().find(|(name, bad)| option[name] == *bad);
    if let Some((name, value)) = switch {
        return Some(if *value {
            (*name).to_owned()
        } else {
            format!("!{name}")
        });
    }
    let service = SERVICES.iter().find(|name| option[**name].is_string())?;
    Some(format!("{service}={}", option[*service].as_str()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of_binding(binding: &Value) -> Value {
        json!({ "Binding": [binding], "Options": [{ "rootpw": false }] })
    }

    /// The place.
    fn ours() -> Value {
        of_binding(&json!({ "username": "daypass-principals" }))
    }

    #[test]
    fn only_what_is_read_behind_ours_and_says_otherwise_counts() {
        let site = |option: Value| json!({ "Options": [{ "env_reset": true }, option] });
        let of = |all: Vec<Value>| behind(&json!({ "Defaults": all }), |name| name == "deploy");
        let silent = || site(json!({ "pam_acct_mgmt": false }));
        assert_eq!(of(vec![silent(), ours()]), None);
        let counts = of(vec![ours(), silent()]);
        assert_eq!(counts.as_deref(), Some("!pam_acct_mgmt"));
        // A session's own come behind the place.
        assert_eq!(
            of(vec![
                ours(),
                silent(),
                of_binding(&json!({ "usergid": FIRST_SESSION_GID }))
            ]),
            None
        );
        for (option, said) in [
            (json!({ "targetpw": true }), Some("targetpw")),
            (json!({ "targetpw": false }), None),
            (json!({ "pam_service": "other" }), Some("pam_service=other")),
            (json!({ "passwd_tries": 5 }), None),
        ] {
            assert_eq!(of(vec![ours(), site(option)]).as_deref(), said);
        }
        // Another group's are a site's.
        let theirs = json!({ "Binding": [{ "usergid": 27 }], "Options": [{ "runaspw": true }] });
        assert_eq!(of(vec![ours(), theirs]).as_deref(), Some("runaspw"));
        assert_eq!(of(vec![silent()]), None);
        assert_eq!(behind(&Value::Null, |_| true), None);
    }

    #[test]
    fn what_a_site_sets_for_other_users_alone_is_their_matter() {
        let said = |binding: Value| {
            let theirs = json!({ "Binding": binding, "Options": [{ "pam_session": false }] });
            let read = json!({ "Defaults": [ours(), theirs] });
            behind(&read, |name| name == "deploy").is_some()
        };
        assert!(!said(json!([{ "username": "nagios" }])));
        for binding in [
            json!([{ "username": "deploy" }]),
            json!([{ "username": "nagios" }, { "username": "deploy" }]),
            json!([{ "username": "nagios", "negated": true }]),
            json!([{ "username": "ALL" }]),
            json!([{ "usergroup": "nagios" }]),
            json!([{ "useralias": "MONITORS" }]),
            json!([{ "hostname": "db1" }]),
            json!([]),
        ] {
            assert!(said(binding.clone()), "{binding}");
        }
    }

    #[test]
    fn beside_sudo_rs_nobody_is_silenced_from_anywhere() {
        let of = |option: Value| {
            let read = json!({ "Defaults": [{ "Options": [option] }, ours()] });
            silenced(&read, |name| name == "deploy")
        };
        let silent = of(json!({ "pam_session": false }));
        assert_eq!(silent.as_deref(), Some("!pam_session"));
        // Those are in the rules of both.
        assert_eq!(of(json!({ "targetpw": true })), None);
        assert_eq!(of(json!({ "pam_acct_mgmt": true })), None);
        assert_eq!(silenced(&Value::Null, |_| true), None);
        let bound = |name: &str| {
            let options = json!([{ "pam_session": false }]);
            let entry = json!({ "Binding": [{ "username": name }], "Options": options });
            silenced(&json!({ "Defaults": [entry, ours()] }), |name| {
                name == "deploy"
            })
        };
        assert_eq!(bound("nagios"), None);
        assert_eq!(bound("deploy").as_deref(), Some("!pam_session"));
    }

    #[test]
    fn a_tool_that_says_what_nobody_can_read_is_no_word_for_all_is_well() {
        assert_eq!(settings(" \n").unwrap(), Value::Null);
        assert_eq!(settings("{}\n").unwrap(), json!({}));
        for said in ["{", "no such option", "{} {}"] {
            assert!(settings(said).is_err(), "{said}");
        }
    }

    /// As the package has it, and as sudo's own tool reads it back.
    #[test]
    fn the_packages_own_file_shows_its_place_to_sudos_tool() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sudoers");
        let packaged = include_str!("../../../packaging/debian/files-host/sudoers");
        let looks = |behind: &str| {
            std::fs::write(&path, format!("{packaged}{behind}")).unwrap();
            overriding(&path, |name| name == "deploy").unwrap()
        };
        assert_eq!(looks(""), None);
        assert_eq!(
            looks("Defaults !pam_session\n").as_deref(),
            Some("!pam_session")
        );
        // As sudo's tool names whom a setting is for.
        assert_eq!(looks("Defaults:nagios !pam_session\n"), None);
        for ours in ["deploy", "ALL", "!nagios", "%nagios"] {
            let found = looks(&format!("Defaults:{ours} !pam_session\n"));
            assert_eq!(found.as_deref(), Some("!pam_session"), "{ours}");
        }
        std::fs::write(&path, format!("Defaults !pam_session\n{packaged}")).unwrap();
        assert_eq!(overriding(&path, |_| true).unwrap(), None);
    }
}
