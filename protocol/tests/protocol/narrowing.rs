//! Narrowings: whatever they say, they only ever take away.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::company::{Company, fingerprint, key, name, now, private_key};
use daypass_protocol::digest::Digest;
use daypass_protocol::grant::Visit;
use daypass_protocol::name::{Account, HostName};
use daypass_protocol::narrowing::{
    Error, Limits, NAMESPACE, Narrowing, SignedNarrowing, Verb, VerifiedNarrowing,
};
use daypass_protocol::roster::Role;
use daypass_protocol::sshsig;
use daypass_protocol::statement;
use daypass_protocol::stop::Stop;
use daypass_protocol::sudo_item::SudoItem;
use daypass_protocol::version::Version;
use daypass_protocol::window::{FrozenWindow, Window};
use proptest::prelude::*;

fn nothing(company: &Company, signer: &str, window: &FrozenWindow) -> Narrowing {
    Narrowing {
        v: Version,
        verb: Verb::Narrow,
        window: window.hash(),
        ca: company.roster().pin(),
        signer: name(signer),
        time: now(),
        expires: window.document().ends,
        ends: None,
        hosts: None,
        accounts: None,
        sudo: None,
    }
}

/// Half an hour less.
fn shorter(company: &Company, signer: &str, window: &FrozenWindow) -> Narrowing {
    Narrowing {
        ends: Some(window.document().ends.minus(1800)),
        ..nothing(company, signer, window)
    }
}

fn sign(narrowing: &Narrowing, signer: &str) -> SignedNarrowing {
    narrowing
        .sign(sshsig::with_key(&private_key(signer)))
        .unwrap()
}

fn says(company: &Company, signer: &str, window: &FrozenWindow) -> SignedNarrowing {
    sign(&shorter(company, signer, window), signer)
}

#[test]
fn contractor_approver_and_admin_narrow_and_nobody_else_does() {
    let company = Company::new();
    let window = company.window();
    let narrows = |signer: &str| {
        let verified = says(&company, signer, &window)
            .check(&company.chain)
            .unwrap();
        verified.narrows(&window)
    };
    for signer in ["carl", "ann", "dora", "ada"] {
        assert!(narrows(signer), "{signer}");
    }
    let theirs = FrozenWindow::freeze(&Window {
        contractor: name("dora"),
        keys: vec![fingerprint("dora")],
        ..company.draft()
    })
    .unwrap();
    let by_carl = says(&company, "carl", &theirs)
        .check(&company.chain)
        .unwrap();
    assert!(!by_carl.narrows(&theirs));
    let about_another = says(&company, "ann", &theirs)
        .check(&company.chain)
        .unwrap();
    assert!(!about_another.narrows(&window));
}

#[test]
fn what_is_not_signed_by_its_signer_for_this_ca_does_not_count() {
    let company = Company::new();
    let window = company.window();
    let check = |signed: SignedNarrowing| signed.check(&company.chain).unwrap_err();
    let stranger = sign(&shorter(&company, "carl", &window), "stranger");
    assert!(matches!(check(stranger), Error::ForeignKey { .. }));
    let unknown = says(&company, "stranger", &window);
    assert!(matches!(check(unknown), Error::UnknownSigner(_)));
    let elsewhere = Narrowing {
        ca: Digest::of("another").into(),
        ..shorter(&company, "ann", &window)
    };
    assert!(matches!(
        check(sign(&elsewhere, "ann")),
        Error::OtherCa { .. }
    ));
    let mut changed = says(&company, "ann", &window);
    changed.narrowing = changed.narrowing.replace("10:30:00Z", "10:45:00Z");
    assert!(matches!(check(changed), Error::Signature { .. }));
    // A signature in any other namespace is none, and this one's is none anywhere else.
    let mut as_revocation = says(&company, "ann", &window);
    as_revocation.signature = company
        .says(statement::Verb::Revoke, "ann", &window)
        .signature;
    assert!(matches!(check(as_revocation), Error::Signature { .. }));
    for verb in statement::Verb::ALL {
        assert_ne!(verb.namespace(), NAMESPACE);
    }
}

#[test]
fn a_narrowing_takes_something_away_and_names_no_impossible_list() {
    let company = Company::new();
    let window = company.window();
    let read = |change: fn(&mut Narrowing)| {
        let mut narrowing = nothing(&company, "ann", &window);
        change(&mut narrowing);
        sign(&narrowing, "ann").read_unverified()
    };
    assert!(matches!(read(|_| {}), Err(Error::Nothing)));
    assert!(matches!(
        read(|said| said.hosts = Some(Vec::new())),
        Err(Error::Count { list: "hosts", .. })
    ));
    assert!(matches!(
        read(|said| said.accounts = Some(vec!["a".parse().unwrap(); 17])),
        Err(Error::Count {
            list: "accounts",
            found: 17,
            ..
        })
    ));
    assert!(read(|said| said.sudo = Some(Vec::new())).is_ok());
    let is_new = |by: u64| {
        let verified = says(&company, "ann", &window)
            .check(&company.chain)
            .unwrap();
        verified.is_new(now().plus(by)).is_ok()
    };
    assert!(is_new(60) && !is_new(61));
}

#[test]
fn what_takes_away_outlives_its_signers_place_key_and_roles() {
    let mut company = Company::new();
    let window = company.window();
    let narrowed = says(&company, "ann", &window);
    let revoked = company.says(statement::Verb::Revoke, "ann", &window);
    let ended = company.says(statement::Verb::End, "ann", &window);
    let still = |company: &Company| {
        let chain = &company.chain;
        assert!(narrowed.check(chain).unwrap().narrows(&window));
        assert!(Stop::check(&revoked, chain).unwrap().stops(&window));
        assert!(Stop::check(&ended, chain).unwrap().stops(&window));
    };
    still(&company);
    let ann = |company: &mut Company, change: fn(&mut daypass_protocol::roster::Person)| {
        company.change(|roster| {
            let ann = roster.people.iter_mut().find(|p| p.name == name("ann"));
            change(ann.unwrap());
        });
    };
    ann(&mut company, |ann| ann.roles = vec![Role::Auditor]);
    still(&company);
    ann(&mut company, |ann| ann.keys = vec![key("ann's next")]);
    still(&company);
    company.change(|roster| roster.people.retain(|person| person.name != name("ann")));
    still(&company);
}

#[test]
fn all_commands_can_be_narrowed_to_some() {
    let company = Company::new();
    let window = FrozenWindow::freeze(&Window {
        sudo: vec![SudoItem::All],
        ..company.draft()
    })
    .unwrap();
    let item: SudoItem = "/usr/bin/id".parse().unwrap();
    let narrow = |sudo: &[SudoItem]| {
        let said = Narrowing {
            sudo: Some(sudo.to_vec()),
            ..nothing(&company, "ann", &window)
        };
        sign(&said, "ann").check(&company.chain).unwrap()
    };
    let left = |said: &[VerifiedNarrowing]| {
        let limits = Limits::of(said, &window);
        limits.left_of(window.document()).sudo
    };
    let (some, all, none) = (
        narrow(std::slice::from_ref(&item)),
        narrow(&[SudoItem::All]),
        narrow(&[]),
    );
    let only = vec![item];
    assert_eq!(left(std::slice::from_ref(&some)), only);
    assert_eq!(left(&[all.clone(), some.clone()]), only);
    assert_eq!(left(&[some.clone(), all]), only);
    assert!(left(&[some, none]).is_empty());
}

#[test]
fn ssh_keygen_judges_it_alike() {
    let company = Company::new();
    let signed = says(&company, "ann", &company.window());
    let directory = tempfile::tempdir().unwrap();
    let signers = directory.path().join("signers");
    let line = format!("ann namespaces=\"{NAMESPACE}\" {}\n", key("ann"));
    std::fs::write(&signers, line).unwrap();
    let signature = directory.path().join("signature");
    std::fs::write(&signature, signed.signature.to_string()).unwrap();
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-I", "ann", "-n", NAMESPACE, "-f"])
        .arg(&signers)
        .arg("-s")
        .arg(&signature)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let stdin = child.stdin.as_mut().unwrap();
    stdin.write_all(signed.narrowing.as_bytes()).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
}

const HOSTS: [&str; 4] = ["db1", "db2", "web1", "web2"];
const ACCOUNTS: [&str; 3] = ["deploy", "backup", "root"];
const ITEMS: [&str; 4] = [
    "ALL",
    "/usr/bin/id",
    "(www-data) /usr/bin/id",
    "/usr/bin/true \"\"",
];

fn some_of<T: std::str::FromStr<Err: std::fmt::Debug>>(texts: &[&str], which: u8) -> Vec<T> {
    let chosen = texts.iter().enumerate();
    chosen
        .filter(|(at, _)| which >> at & 1 == 1)
        .map(|(_, text)| text.parse().unwrap())
        .collect()
}

/// What a narrowing says: bits choose from the lists, seconds the end.
type Wish = (Option<u32>, Option<u8>, Option<u8>, Option<u8>, bool);

fn said(company: &Company, window: &FrozenWindow, wish: &Wish) -> Option<VerifiedNarrowing> {
    let (ends, hosts, accounts, sudo, by_contractor) = *wish;
    let signer = if by_contractor { "carl" } else { "ann" };
    let narrowing = Narrowing {
        ends: ends.map(|seconds| window.document().starts.plus(u64::from(seconds))),
        hosts: hosts.map(|bits| some_of(&HOSTS, bits)),
        accounts: accounts.map(|bits| some_of(&ACCOUNTS, bits)),
        sudo: sudo.map(|bits| some_of(&ITEMS, bits)),
        ..nothing(company, signer, window)
    };
    sign(&narrowing, signer).check(&company.chain).ok()
}

/// Whether `ALL` or the very item is there.
fn lets_run(window: &Window, item: &SudoItem) -> bool {
    window.sudo.contains(&SudoItem::All) || window.sudo.contains(item)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_a_narrowed_window_admits_the_old_one_admits(
        sudo in 0_u8..16,
        wishes in prop::collection::vec(
            (
                prop::option::of(0_u32..7200),
                prop::option::of(0_u8..16),
                prop::option::of(0_u8..8),
                prop::option::of(0_u8..16),
                any::<bool>(),
            ),
            0..4,
        ),
        at in 0_u64..7200,
    ) {
        let company = Company::new();
        let window = FrozenWindow::freeze(&Window {
            sudo: some_of(&ITEMS, sudo),
            ..company.draft()
        }).unwrap();
        let narrowings: Vec<VerifiedNarrowing> =
            wishes.iter().filter_map(|wish| said(&company, &window, wish)).collect();
        let whole = company.approved(&window);
        let time = now().plus(at);
        let mut narrowed = vec![whole.clone()];
        for count in 1..=narrowings.len() {
            let limits = Limits::of(&narrowings[..count], &window);
            narrowed.push(whole.clone().narrowed(&limits));
        }
        // Each further one leaves no more than those before it, and their order does not matter.
        for pair in narrowed.windows(2) {
            let (before, after) = (&pair[0], &pair[1]);
            prop_assert!(after.left().ends <= before.left().ends);
            prop_assert!(after.closes(time).unwrap() <= before.closes(time).unwrap());
            for item in some_of::<SudoItem>(&ITEMS, 15) {
                prop_assert!(!lets_run(after.left(), &item) || lets_run(before.left(), &item));
            }
            for host in some_of::<HostName>(&HOSTS, 15) {
                for account in some_of::<Account>(&ACCOUNTS, 7) {
                    let visit = Visit {
                        host: std::slice::from_ref(&host),
                        account: &account,
                        source: None,
                        now: time,
                    };
                    if after.admits(&visit).is_ok() {
                        prop_assert_eq!(before.admits(&visit), after.admits(&visit));
                    }
                }
            }
        }
        let mut backwards = narrowings.clone();
        backwards.reverse();
        let same = Limits::of(&backwards, &window).left_of(window.document());
        let left = narrowed.last().map(|last| last.left().clone());
        prop_assert_eq!(Some(sorted(same)), left.map(sorted));
    }
}

/// `ALL` says whatever stands beside it.
fn sorted(mut window: Window) -> Window {
    window.sudo.sort();
    if window.sudo.contains(&SudoItem::All) {
        window.sudo = vec![SudoItem::All];
    }
    window
}
