//! What differs between a window and the last one of the same person, so that an approver sees what is new.

use daypass_protocol::window::Window;

use crate::approvals;
use crate::ca::{Ca, View};
use crate::diagnostic::{Failure, hint};
use crate::output::changes;
use crate::{moment, portrait};

/// The comparison with the newest window of the same contractor, other than this, that somebody approved: by signatures,
/// since a contractor may ask for the same thing twice and take the first one back, and a CA may say anything.
pub(crate) fn of(ca: &Ca, view: &View) -> Result<String, Failure> {
    let window = view.window.document();
    let roster = ca.roster()?;
    let before = ca.windows(None)?.into_iter().find(|other| {
        let document = other.window.document();
        document.contractor == window.contractor
            && document.id < window.id
            && !approvals::counting(&other.window, &other.statements, &roster).is_empty()
    });
    Ok(match before {
        Some(before) => {
            let before = before.window.document();
            hint::differs(&before.id, &differences(before, window))
        }
        None => hint::NO_WINDOW_BEFORE.to_owned(),
    })
}

/// One line a fact, what goes marked `-`, what comes marked `+`; ids, times, reason and ticket always differ and are
/// left out, how long it lasts is not.
fn differences(before: &Window, after: &Window) -> Vec<String> {
    let facts = |window: &Window| -> Vec<String> {
        let each = |label: &str, texts: Vec<String>| -> Vec<String> {
            let lines = texts.into_iter();
            lines.map(|text| format!("{label} {text}")).collect()
        };
        let mut facts = each("key", strings(&window.keys));
        facts.extend(each("host", strings(&window.hosts)));
        facts.extend(each("account", strings(&window.accounts)));
        facts.extend(each(
            "sudo",
            window.sudo.iter().map(portrait::sudo).collect(),
        ));
        facts.extend(each("permits", strings(&window.permit)));
        match &window.sources {
            Some(sources) => facts.extend(each("logins from", strings(sources))),
            None => facts.push("logins from any address".to_owned()),
        }
        match &window.hours {
            Some(hours) => facts.extend(each("hours", portrait::hours(hours))),
            None => facts.push("at all hours".to_owned()),
        }
        facts.extend(
            window
                .force_command
                .iter()
                .map(|command| format!("runs only {command}")),
        );
        facts.push(format!("lasts {}", moment::exact(window.length())));
        facts.push(format!(
            "certificates live at most {}",
            moment::exact(window.max_certificate_ttl)
        ));
        facts
    };
    changes(&facts(before), &facts(after))
}

fn strings<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(change: &serde_json::Value) -> Window {
        let mut window = serde_json::json!({
            "v": 1,
            "id": "w-00000000000000000000000000",
            "ca": "0".repeat(64),
            "contractor": "carl",
            "keys": ["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
            "hosts": ["db1"],
            "accounts": ["deploy"],
            "starts": "2026-11-23T10:00:00Z",
            "ends": "2026-11-23T11:00:00Z",
            "permit": ["pty"],
            "max_certificate_ttl": 600,
            "reason": "a test",
        });
        for (key, value) in change.as_object().expect("an object") {
            window[key] = value.clone();
        }
        serde_json::from_value(window).expect("a window")
    }

    #[test]
    fn what_comes_and_what_goes_is_marked_and_what_stays_is_left_out() {
        let before = window(&serde_json::json!({}));
        let after = window(&serde_json::json!({
            "hosts": ["db1", "db2"],
            "sudo": ["ALL"],
            "permit": [],
            "reason": "another",
            "sources": ["192.0.2.0/24"],
        }));
        let lines = differences(&before, &after);
        assert_eq!(
            lines,
            [
                "    - permits pty",
                "    - logins from any address",
                "    + host db2",
                "    + sudo ALL: any command, as anybody  ** as good as root on the host **",
                "    + logins from 192.0.2.0/24",
            ]
        );
        assert!(differences(&before, &before).is_empty());
        // By a second, too.
        let longer = window(&serde_json::json!({
            "ends": "2026-11-24T12:00:01Z",
            "max_certificate_ttl": 90_001,
        }));
        let longest = window(&serde_json::json!({
            "ends": "2026-11-24T12:00:02Z",
            "max_certificate_ttl": 90_002,
        }));
        assert_eq!(
            differences(&longer, &longest),
            [
                "    - lasts 1d 2h 1s",
                "    - certificates live at most 1d 1h 1s",
                "    + lasts 1d 2h 2s",
                "    + certificates live at most 1d 1h 2s",
            ]
        );
    }
}
