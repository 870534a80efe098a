//! Somebody at the door of a host.

use crate::company::{Company, NOW, now, time};
use daypass_protocol::grant::{Admission, Turned, Visit};
use daypass_protocol::name::{Account, HostName};
use daypass_protocol::window::{FrozenWindow, Window};

fn visit<'a>(host: &'a [HostName], account: &'a Account, source: &str) -> Visit<'a> {
    Visit {
        host,
        account,
        source: source.parse().ok(),
        now: now(),
    }
}

#[test]
fn a_visit_must_match_host_account_source_and_time() {
    let company = Company::new();
    let sources = Some(vec![
        "192.0.2.0/24".parse().unwrap(),
        "2001:db8::/32".parse().unwrap(),
    ]);
    let window = FrozenWindow::freeze(&Window {
        sources,
        ..company.draft()
    })
    .unwrap();
    let approved = company.approved(&window);
    let (db1, web): (Vec<HostName>, Vec<HostName>) = (
        vec!["alias".parse().unwrap(), "db1".parse().unwrap()],
        vec!["web".parse().unwrap()],
    );
    let (deploy, root) = ("deploy".parse().unwrap(), "root".parse().unwrap());
    let code = |visit: Visit<'_>| {
        approved
            .admits(&visit)
            .map_or_else(|turned| turned.code(), |_| "ok")
    };
    assert_eq!(code(visit(&db1, &deploy, "192.0.2.9")), "ok");
    assert_eq!(code(visit(&db1, &deploy, "::ffff:192.0.2.9")), "ok");
    assert_eq!(code(visit(&db1, &deploy, "2001:db8::1")), "ok");
    assert_eq!(code(visit(&web, &deploy, "192.0.2.9")), "wrong-host");
    assert_eq!(code(visit(&[], &deploy, "192.0.2.9")), "wrong-host");
    assert_eq!(code(visit(&db1, &root, "192.0.2.9")), "wrong-account");
    assert_eq!(code(visit(&db1, &deploy, "192.0.3.9")), "wrong-source");
    assert_eq!(code(visit(&db1, &deploy, "unknown")), "unknown-source");
    let at = |now| {
        code(Visit {
            now,
            ..visit(&db1, &deploy, "192.0.2.9")
        })
    };
    assert_eq!(at(time(NOW).minus(1)), "window-not-open-yet");
    assert_eq!(at(time(NOW).plus(3599)), "ok");
    assert_eq!(at(time(NOW).plus(3600)), "window-ended");
}

#[test]
fn hours_deny_or_alert_and_close_sessions_only_where_they_deny() {
    let company = Company::new();
    // NOW is a Monday, 11:00 in Amsterdam.
    let with = |ranges: &str, outside: &str| {
        let hours =
            format!(r#"{{"zone":"Europe/Amsterdam","ranges":[{ranges}],"outside":"{outside}"}}"#);
        let hours = Some(serde_json::from_str(&hours).unwrap());
        company.approved(
            &FrozenWindow::freeze(&Window {
                hours,
                ..company.draft()
            })
            .unwrap(),
        )
    };
    let (open, closed) = (
        r#"{"days":["mon"],"from":"11:00","to":"11:30"}"#,
        r#"{"days":["tue"],"from":"11:00","to":"11:30"}"#,
    );
    assert_eq!(with(open, "deny").admits_at(now()), Ok(Admission::Expected));
    assert_eq!(with(open, "deny").closes(now()), Ok(now().plus(1800)));
    assert_eq!(with(open, "alert").closes(now()), Ok(now().plus(3600)));
    assert!(matches!(
        with(closed, "deny").admits_at(now()),
        Err(Turned::OutsideHours { .. })
    ));
    assert_eq!(with(closed, "deny").closes(now()), Ok(now()));
    assert_eq!(
        with(closed, "alert").admits_at(now()),
        Ok(Admission::OutsideHours)
    );
}

#[test]
fn an_unknown_zone_lets_nobody_in() {
    let company = Company::new();
    let hours = r#"{"zone":"Europe/Atlantis","ranges":[{"days":["mon"],"from":"00:00","to":"24:00"}],"outside":"alert"}"#;
    let hours = Some(serde_json::from_str(hours).unwrap());
    let approved = company.approved(
        &FrozenWindow::freeze(&Window {
            hours,
            ..company.draft()
        })
        .unwrap(),
    );
    assert_eq!(
        approved.admits_at(now()).unwrap_err().code(),
        "unknown-zone"
    );
}
