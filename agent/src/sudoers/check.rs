//! What sudo's own tools say about rules before they are in force.

use std::io;
use std::path::Path;

use daypass_protocol::sudo_item::{RunAs, SudoItem};
use serde_json::{Value, json};

use super::tools::Tools;
use super::{Grantee, SudoersError};
use crate::command;

/// Has each sudo's own checker accept the file, and `cvtsudoers` read back exactly what was meant.
pub(super) fn check(
    tools: &Tools,
    path: &Path,
    grantee: Grantee,
    items: &[SudoItem],
) -> Result<(), SudoersError> {
    let file = path.to_string_lossy();
    let run = |program: &Path, arguments: &[&str]| {
        command::run_within(tools.patience, program, arguments)
    };
    let visudo = |program: &Path| run(program, &["-c", "-q", "-f", &file]);
    let also = match grantee {
        // sudo-rs reads none of these: they are written only where it is not installed.
        Grantee::Group(_) => None,
        Grantee::Account(_) => {
            if_there(visudo(&tools.rust_checker)).map_err(SudoersError::Visudo)?
        }
    };
    match visudo(&tools.checker) {
        Err(error) if also.is_none() || !is_missing(&error) => {
            return Err(SudoersError::Visudo(error));
        }
        _ => {}
    }
    let cvtsudoers = run(&tools.reader, &["-f", "json", &file]);
    // sudo-rs has none.
    let Some(read) = if_there(cvtsudoers).map_err(SudoersError::Cvtsudoers)? else {
        return Ok(());
    };
    let read = serde_json::from_str(&read).map_err(|_| SudoersError::Misread { rule: 0 })?;
    compare(&read, grantee, items)
}

/// What a program said, `None` where there is no such program.
fn if_there(said: Result<String, command::Error>) -> Result<Option<String>, command::Error> {
    match said {
        Err(error) if is_missing(&error) => Ok(None),
        said => said.map(Some),
    }
}

fn is_missing(error: &command::Error) -> bool {
    matches!(error, command::Error::Start { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

fn compare(read: &Value, grantee: Grantee, items: &[SudoItem]) -> Result<(), SudoersError> {
    let expected: &[&str] = if items.is_empty() {
        &["Defaults"]
    } else {
        &["Defaults", "User_Specs"]
    };
    let found: Vec<&str> = read
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str())
        .collect();
    let user = grantee.user_list();
    let defaults = read["Defaults"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let specs = read["User_Specs"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let is_ours = matches!(defaults, [only] if only["Binding"] == user);
    if found != expected || !is_ours {
        return Err(SudoersError::Misread { rule: 0 });
    }
    if let Some(index) = (0..items.len().max(specs.len())).find(|&index| {
        match (specs.get(index), items.get(index)) {
            (Some(spec), Some(item)) => !is_meant(spec, &user, item),
            _ => true,
        }
    }) {
        return Err(SudoersError::Misread { rule: index + 1 });
    }
    Ok(())
}

fn is_meant(spec: &Value, user: &Value, item: &SudoItem) -> bool {
    let [rule] = spec["Cmnd_Specs"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
    else {
        return false;
    };
    let (run_as, groups, command) = match item {
        SudoItem::All => ("ALL", json!([{ "usergroup": "ALL" }]), "ALL".to_owned()),
        SudoItem::Command {
            run_as,
            path,
            arguments,
        } => {
            let run_as = match run_as {
                None => "root",
                Some(RunAs::All) => "ALL",
                Some(RunAs::Account(account)) => account.as_str(),
            };
            (run_as, Value::Null, format!("{path}{arguments}"))
        }
    };
    spec["User_List"] == *user
        && spec["Host_List"] == json!([{ "hostname": "ALL" }])
        && rule["runasusers"] == json!([{ "username": run_as }])
        && rule["runasgroups"] == groups
        && rule["Commands"] == json!([{ "command": command }])
}
