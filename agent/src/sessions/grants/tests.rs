use std::fs;
use std::io::Write as _;
use std::thread;

use super::*;
use crate::sessions::end::Cause;
use crate::sessions::fixture::{Host, SOON, fifo, until};

/// A call of sudo that began at this time.
fn began(start: u64) -> Process {
    Process { pid: 77, start }
}

#[test]
fn a_session_ends_while_sudos_tools_hang() {
    let host = Host::with_sudo("touch \"${0%/*}/hangs\"; exec sleep 600");
    let (monitor, session) = host.let_in(1, "carol", "/usr/bin/id");
    let sessions = host.sessions.clone();
    let settling = thread::spawn(move || sessions.settle_sudo());
    until("the tool's start", || {
        host.folder.path().join("hangs").exists()
    });
    host.sessions.end(&session, Cause::WindowEnded);
    assert!(monitor.child.ends_within(SOON));
    until("the end of the session", || {
        host.sessions.by_id(session.record.id).is_none()
    });
    assert!(!settling.is_finished(), "it waited for the tool");
    assert!(settling.join().unwrap().unwrap_err().is_late());
    assert!(host.rules().is_empty());
}

#[test]
fn one_accounts_bad_rules_do_not_keep_others_from_theirs() {
    let host = Host::with_sudo("grep -q /usr/bin/false \"$4\" && exit 1");
    let (_one, _) = host.let_in(1, "carol", "/usr/bin/false");
    let (_two, good) = host.let_in(2, "mallory", "/usr/bin/id");
    assert!(matches!(
        host.sessions.settle_sudo(),
        Err(SudoersError::Visudo(_))
    ));
    assert_eq!(host.rules().len(), 1);
    assert!(host.sessions.is_placed_for_group(&good));
}

#[test]
fn somebody_is_let_in_beside_another_ones_bad_rules() {
    let host = Host::with_sudo("grep -q /usr/bin/false \"$4\" && exit 1");
    let (_one, bad) = host.let_in(1, "carol", "/usr/bin/false");
    assert!(host.sessions.grant_sudo(&bad).is_err());
    let (_two, good) = host.let_in(2, "mallory", "/usr/bin/id");
    host.sessions.grant_sudo(&good).unwrap();
    assert_eq!(host.sessions.sudo_of(&good), Sudo::Granted);
}

#[test]
fn narrowed_rules_go_at_once_and_come_back_when_the_tools_have_looked() {
    let host = Host::with_sudo("");
    let (_monitor, session) = host.let_in(1, "carol", "/usr/bin/id");
    host.sessions.grant_sudo(&session).unwrap();
    assert_eq!(host.rules().len(), 1);
    // An exchanged tool has not looked at anything yet; this one takes its time.
    let pipe = fifo(host.folder.path());
    host.exchange_checker(&format!("read line < {}", pipe.display()));
    host.sessions.renew_sudo(&session);
    assert!(host.rules().is_empty(), "old rules are still in force");
    fs::write(&pipe, "go on\n").unwrap();
    until("the rules", || host.rules().len() == 1);
}

#[test]
fn the_rules_of_an_account_go_with_pams_line_and_come_back_with_it() {
    let host = Host::with_sudo_rs();
    let (_monitor, session) = host.let_in(1, "carol", "/usr/bin/id");
    host.sessions.grant_sudo(&session).unwrap();
    assert_eq!(host.rules(), ["w-00000000000000000000000001-uid-1001"]);
    assert_eq!(host.sessions.sudo_of(&session), Sudo::Granted);
    host.set_pam("sudo", false);
    host.sessions.settle_sudo().unwrap();
    assert!(host.rules().is_empty());
    assert_eq!(host.sessions.sudo_of(&session), Sudo::Withheld);
    host.set_pam("sudo", true);
    host.sessions.settle_sudo().unwrap();
    assert_eq!(host.rules().len(), 1);
    assert_eq!(host.sessions.sudo_of(&session), Sudo::Granted);
}

#[test]
fn the_rules_of_groups_go_with_the_line_of_their_own_service_and_come_back_with_it() {
    let host = Host::with_sudo("");
    let (_one, carols) = host.let_in(1, "carol", "/usr/bin/id");
    host.sessions.grant_sudo(&carols).unwrap();
    // What the site's own service says of others is no reason.
    host.set_pam("sudo", false);
    host.sessions.settle_sudo().unwrap();
    assert_eq!(host.rules().len(), 1);
    host.set_pam("daypass-sudo", false);
    assert_eq!(host.sessions.sudo_of(&carols), Sudo::Withheld);
    host.sessions.settle_sudo().unwrap();
    assert!(host.rules().is_empty());
    // Nor is anything put in force for who comes in meanwhile, or whose window is narrowed.
    let (_two, mallorys) = host.let_in(2, "mallory", "/usr/bin/id");
    host.sessions.grant_sudo(&mallorys).unwrap();
    host.sessions.renew_sudo(&carols);
    assert!(host.rules().is_empty());
    host.set_pam("daypass-sudo", true);
    host.sessions.settle_sudo().unwrap();
    assert_eq!(host.rules().len(), 2);
    assert_eq!(host.sessions.sudo_of(&carols), Sudo::Granted);
}

#[test]
fn the_rules_of_groups_go_before_any_program_is_asked() {
    let host = Host::with_sudo("");
    let (_one, carols) = host.let_in(1, "carol", "/usr/bin/id");
    host.sessions.grant_sudo(&carols).unwrap();
    host.set_pam("daypass-sudo", false);
    let pipe = fifo(host.folder.path());
    let waits = format!("read line < {}; echo Sudo version 1.9", pipe.display());
    crate::sudoers::script(host.folder.path(), "sudo", &waits);
    let sessions = host.sessions.clone();
    let settling = thread::spawn(move || sessions.settle_sudo());
    until("the end of the rules", || host.rules().is_empty());
    assert!(!settling.is_finished());
    // Open for both it waits for nobody, should the agent have lost its patience with the program.
    let both = fs::OpenOptions::new().read(true).write(true).open(&pipe);
    let mut both = both.unwrap();
    both.write_all(b"go on\n").unwrap();
    settling.join().unwrap().unwrap();
}

/// What has changed so far changed before it.
fn next_tick() -> u64 {
    let now = crate::facts::ticks_since_boot();
    until("the clock's next tick", || {
        crate::facts::ticks_since_boot() > now
    });
    now + 1
}

#[test]
fn a_call_that_may_have_read_anothers_rules_has_none_of_its_own() {
    let host = Host::with_sudo_rs();
    let (_one, carols) = host.let_in(1, "carol", "ALL");
    host.sessions.grant_sudo(&carols).unwrap();
    let (_two, mallorys) = host.let_in(2, "mallory", "/usr/bin/id");
    host.sessions.grant_sudo(&mallorys).unwrap();
    let begun = next_tick();
    let of = |session: &Session, start| host.sessions.sudo_for(session, began(start));
    assert!(matches!(of(&mallorys, begun), Sudo::Taken { .. }));
    assert_eq!(of(&carols, begun), Sudo::Granted);
    host.sessions.close(&carols);
    assert_eq!(host.sessions.sudo_of(&mallorys), Sudo::Granted);
    assert_eq!(of(&mallorys, begun), Sudo::Older);
    let later = crate::facts::ticks_since_boot() + 1;
    assert_eq!(of(&mallorys, later), Sudo::Granted);
    // Nothing changed since.
    host.sessions.settle_sudo().unwrap();
    assert_eq!(of(&mallorys, later), Sudo::Granted);
}

#[test]
fn a_call_that_may_have_read_rules_before_they_were_narrowed_is_older() {
    let host = Host::with_sudo("");
    let (_monitor, session) = host.let_in(1, "carol", "/usr/bin/id");
    host.sessions.grant_sudo(&session).unwrap();
    let begun = began(next_tick());
    assert_eq!(host.sessions.sudo_for(&session, begun), Sudo::Granted);
    host.sessions.renew_sudo(&session);
    assert_eq!(host.sessions.sudo_for(&session, begun), Sudo::Older);
}
