//! What a certificate must be: the real sshd, and whoever stole the CA's key.

use std::time::Duration;

use daypass_tests::{
    BOB, CAROL, Forger, Forgery, MALLORY, Output, Papers, Result, SOON, Site, Wish,
};
use serde_json::{Value, json};

use crate::Rows;
use crate::revocations::hash_of;
use crate::windows::{carol_gets, close_all, later_window};

const HOUR: Duration = Duration::from_secs(3600);
/// Long enough to be asked for and approved on a machine that has much else to do.
const SHORT: Duration = Duration::from_secs(12);

pub(crate) const ROWS: &Rows = &[
    (
        "a_forger_with_the_cas_key_and_the_real_papers_gets_in",
        the_forge_works,
    ),
    ("a_certificate_of_another_ca_opens_nothing", another_ca),
    (
        "a_window_invented_by_whoever_stole_the_ca_opens_nothing",
        invented,
    ),
    (
        "a_window_approved_by_its_own_contractor_opens_nothing",
        self_approved,
    ),
    (
        "a_window_approved_by_no_approver_opens_nothing",
        approved_by_a_contractor,
    ),
    (
        "a_request_statement_does_not_serve_as_approval",
        replayed_request,
    ),
    (
        "a_document_changed_after_it_was_signed_opens_nothing",
        altered,
    ),
    (
        "a_certificate_without_its_window_opens_nothing",
        no_extension,
    ),
    (
        "a_certificate_for_another_principal_opens_nothing",
        other_principal,
    ),
    (
        "a_certificate_with_an_unknown_critical_option_opens_nothing",
        unknown_option,
    ),
    (
        "a_certificate_with_more_than_the_window_permits_opens_nothing",
        more_permits,
    ),
    (
        "a_certificate_for_a_key_that_the_window_does_not_name_opens_nothing",
        foreign_key,
    ),
    (
        "a_certificate_before_its_windows_start_opens_nothing",
        before_start,
    ),
    (
        "a_certificate_after_its_windows_end_opens_nothing",
        after_end,
    ),
    ("an_expired_certificate_opens_nothing", expired),
    (
        "a_revoked_window_opens_nothing_to_whoever_stole_the_ca",
        revoked,
    ),
];

/// A change of a window's document.
type Change = fn(&mut Value);

fn papers<'a>(site: &'a Site) -> Result<(Forger<'a>, Papers)> {
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let forger = Forger::with_stolen_key(site)?;
    let papers = forger.papers(&window)?;
    Ok((forger, papers))
}

fn outside(output: &Output) {
    assert!(!output.success() && output.stdout.is_empty(), "{output}");
}

/// Nobody gets in by this, and the host's journal says why not.
fn refused(forger: &Forger<'_>, forgery: &Forgery, code: &str) -> Result<()> {
    outside(&forger.try_on("deploy@db1", forgery)?);
    forger.await_refusal("db1", code)
}

/// Without this row the others could be refused for a reason that is not theirs.
fn the_forge_works(site: &Site) -> Result<()> {
    let (forger, papers) = papers(site)?;
    let output = forger.try_on("deploy@db1", &Forgery::of(papers))?;
    assert_eq!(output.stdout(), "inside\n", "{output}");
    Ok(())
}

fn another_ca(site: &Site) -> Result<()> {
    let (_, papers) = papers(site)?;
    let stranger = Forger::with_own_key(site)?;
    // sshd knows no such CA, and asks nobody.
    outside(&stranger.try_on("deploy@db1", &Forgery::of(papers))?);
    stranger.await_refusal_by_sshd("db1")
}

fn invented(site: &Site) -> Result<()> {
    let (forger, papers) = papers(site)?;
    let mine = forger.altered(&papers, |window| window["sudo"] = json!(["ALL"]));
    let bare = Papers {
        window: mine.window.clone(),
        statements: Vec::new(),
    };
    refused(&forger, &Forgery::of(bare), "not-requested")?;
    // Signed, but by people who may not approve, in an approver's name.
    let signed = forger.sign(
        mine,
        &[("request", CAROL, CAROL), ("approve", BOB, MALLORY)],
    )?;
    refused(&forger, &Forgery::of(signed), "signature-foreign-key")
}

fn self_approved(site: &Site) -> Result<()> {
    let (forger, papers) = papers(site)?;
    let signed = forger.sign(
        papers,
        &[("request", CAROL, CAROL), ("approve", CAROL, CAROL)],
    )?;
    refused(&forger, &Forgery::of(signed), "own-request")
}

fn approved_by_a_contractor(site: &Site) -> Result<()> {
    let (forger, papers) = papers(site)?;
    let signed = forger.sign(
        papers,
        &[("request", CAROL, CAROL), ("approve", MALLORY, MALLORY)],
    )?;
    refused(&forger, &Forgery::of(signed), "not-an-approver")
}

fn replayed_request(site: &Site) -> Result<()> {
    let (forger, mut papers) = papers(site)?;
    // The signature of Carol's request, under a statement that says "approve" and names Bob.
    let request = papers.statements.first().cloned().unwrap_or_default();
    let text = request["statement"].as_str().unwrap_or_default();
    let approve = text
        .replace("\"request\"", "\"approve\"")
        .replace("\"carol\"", "\"bob\"");
    papers.statements = vec![
        request.clone(),
        json!({"statement": approve, "signature": request["signature"]}),
    ];
    refused(&forger, &Forgery::of(papers), "signature-invalid")
}

fn altered(site: &Site) -> Result<()> {
    let (forger, papers) = papers(site)?;
    let unsigned = "statement-other-window";
    let changes: [(Change, &str); 3] = [
        (
            |window| window["ends"] = json!("2099-01-01T00:00:00Z"),
            "window-too-long",
        ),
        (|window| window["sudo"] = json!(["ALL"]), unsigned),
        (|window| window["hosts"] = json!(["db1", "db2"]), unsigned),
    ];
    for (change, code) in changes {
        let altered = forger.altered(&papers, change);
        refused(&forger, &Forgery::of(altered), code)?;
    }
    Ok(())
}

fn no_extension(site: &Site) -> Result<()> {
    let (forger, papers) = papers(site)?;
    let missing = "extension-missing";
    refused(&forger, &Forgery::without_papers(), missing)?;
    let window: Value = serde_json::from_str(&papers.window).unwrap_or_default();
    let id = window["id"].as_str().unwrap_or_default();
    let named = Forgery::without_papers().for_principal(id);
    refused(&forger, &named, missing)
}

fn other_principal(site: &Site) -> Result<()> {
    let (forger, papers) = papers(site)?;
    let window: Value = serde_json::from_str(&papers.window).unwrap_or_default();
    let id = window["id"].as_str().unwrap_or_default();
    for principal in [
        "deploy",
        "root",
        // Another window's.
        "w-00000000000000000000000000",
        &format!("{id},deploy"),
        &format!("deploy,{id}"),
    ] {
        let forgery = Forgery::of(papers.clone()).for_principal(principal);
        refused(&forger, &forgery, "principals-invalid")?;
    }
    Ok(())
}

fn unknown_option(site: &Site) -> Result<()> {
    let (forger, papers) = papers(site)?;
    for option in [
        "critical:unknown@example.org=1",
        "force-command=/bin/true",
        "source-address=0.0.0.0/0",
        "verify-required",
    ] {
        let forgery = Forgery::of(papers.clone()).with_option(option);
        refused(&forger, &forgery, "option-unknown")?;
    }
    Ok(())
}

fn more_permits(site: &Site) -> Result<()> {
    let (forger, papers) = papers(site)?;
    for option in [
        "permit-port-forwarding",
        "permit-agent-forwarding",
        "permit-x11-forwarding",
        "permit-user-rc",
    ] {
        let forgery = Forgery::of(papers.clone()).with_option(option);
        refused(&forger, &forgery, "extension-not-permitted")?;
    }
    Ok(())
}

fn foreign_key(site: &Site) -> Result<()> {
    let (forger, papers) = papers(site)?;
    outside(&forger.try_on_with_key_of(MALLORY, "deploy@db1", &Forgery::of(papers))?);
    forger.await_refusal("db1", "key-not-in-window")
}

/// The CA makes none so early; whoever stole its key can.
fn before_start(site: &Site) -> Result<()> {
    close_all(site)?;
    let window = later_window(site)?;
    let forger = Forger::with_stolen_key(site)?;
    let papers = forger.papers(&window)?;
    // It may be valid from the window's start on, and then it is too early; or it says more than the window.
    let early = Forgery::of(papers.clone()).valid("+65m:+75m");
    refused(&forger, &early, "certificate-not-yet-valid")?;
    refused(&forger, &Forgery::of(papers), "certificate-outlives-window")
}

fn after_end(site: &Site) -> Result<()> {
    let window = carol_gets(site, &Wish::deploy_on("db1", SHORT))?;
    let forger = Forger::with_stolen_key(site)?;
    let papers = forger.papers(&window)?;
    daypass_tests::until("the window's end", SHORT + SOON, || {
        Ok(site
            .person(CAROL)
            .daypass(["show", &window])
            .ok()?
            .contains("closed"))
    })?;
    refused(&forger, &Forgery::of(papers), "certificate-outlives-window")
}

fn expired(site: &Site) -> Result<()> {
    let (forger, papers) = papers(site)?;
    for (valid, code) in [
        ("-50s:-1s", "certificate-expired"),
        ("+20m:+30m", "certificate-not-yet-valid"),
        ("-2h:-1h", "certificate-outlives-window"),
        ("+1h:+2h", "certificate-outlives-window"),
    ] {
        let forgery = Forgery::of(papers.clone()).valid(valid);
        refused(&forger, &forgery, code)?;
    }
    Ok(())
}

/// What was said stays said: the papers are as good as ever, and the host remembers.
fn revoked(site: &Site) -> Result<()> {
    let window = carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    let forger = Forger::with_stolen_key(site)?;
    let papers = forger.papers(&window)?;
    site.person(BOB).daypass(["revoke", &window]).ok()?;
    let hash = hash_of(site, &window)?;
    let heard = format!("grep -rqF {hash} /var/lib/daypass/agent");
    site.network.host("db1")?.await_condition(&heard, SOON)?;
    outside(&forger.try_on("deploy@db1", &Forgery::of(papers))?);
    // By sshd, once the list is there; by gate 1 before.
    let denied = forger.await_any_refusal("db1")?;
    let is_known = ["on-revoked-list", "window-revoked"]
        .iter()
        .any(|code| denied.contains(&format!("\"code\":\"{code}\"")));
    assert!(is_known, "{denied}");
    Ok(())
}
