//! Windows that are made smaller: who may, what it does at the CA, and what hosts are told.

mod house;

use std::fmt::Debug;
use std::str::FromStr;

use daypass_protocol::api::{CertificateWish, Issued, WindowState, WindowView};
use daypass_protocol::narrowing::{Limits, Narrowing, SignedNarrowing, Verb as Narrows};
use daypass_protocol::roster::{Chain, Role};
use daypass_protocol::sshsig;
use daypass_protocol::statement::Verb;
use daypass_protocol::version::Version;
use daypass_protocol::window::FrozenWindow;
use house::{House, No, Someone, no};

struct Scene {
    house: House,
    cody: Someone,
    bob: Someone,
    window: FrozenWindow,
}

/// A window, and the CA that narrowings of it are sent to.
struct About<'a> {
    house: &'a House,
    window: FrozenWindow,
}

/// Cody's window for ten minutes, as two accounts on two hosts, approved by Bob.
fn scene() -> Scene {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    house.host("db1");
    house.host("db2");
    let mut wish = house.wish("db1");
    wish.hosts.push("db2".parse().unwrap());
    wish.accounts.push("backup".parse().unwrap());
    let window = house.request(&cody, &wish);
    house.say(&bob, Verb::Approve, &window).unwrap();
    Scene {
        house,
        cody,
        bob,
        window,
    }
}

fn names<T: FromStr<Err: Debug>>(texts: &[&str]) -> Vec<T> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

impl Scene {
    /// The same people about another window.
    fn of(&self, window: &FrozenWindow) -> About<'_> {
        About {
            house: &self.house,
            window: window.clone(),
        }
    }

    fn about(&self) -> About<'_> {
        self.of(&self.window)
    }

    fn signed(&self, who: &Someone, change: impl FnOnce(&mut Narrowing)) -> SignedNarrowing {
        self.about().signed(who, change)
    }

    fn send(&self, who: &Someone, signed: &SignedNarrowing) -> Result<WindowView, No> {
        self.about().send(who, signed)
    }

    fn narrow(&self, who: &Someone, change: impl FnOnce(&mut Narrowing)) -> Result<WindowView, No> {
        self.about().narrow(who, change)
    }

    fn login(&self, host: &str, account: &str) -> Result<Issued, No> {
        let wish = CertificateWish {
            host: host.parse().unwrap(),
            account: account.parse().unwrap(),
            key: self.cody.public(),
            window: None,
        };
        self.house.post(&self.cody, "/v1/certificates", &wish)
    }

    /// What hosts are told of this window, as they would judge it.
    fn told(&self) -> (usize, Limits) {
        let announced = self.house.authority().announced().unwrap();
        let state = announced.signed.read_unverified().unwrap();
        let chain = Chain::verify(self.house.newborn.pin, &self.house.chain().chain).unwrap();
        let checked: Vec<_> = state
            .narrowings
            .iter()
            .map(|signed| signed.check(&chain).unwrap())
            .collect();
        (checked.len(), Limits::of(&checked, &self.window))
    }
}

impl About<'_> {
    /// A narrowing that takes nothing away yet.
    fn bare(&self, who: &Someone) -> Narrowing {
        Narrowing {
            v: Version,
            verb: Narrows::Narrow,
            window: self.window.hash(),
            ca: self.house.newborn.pin,
            signer: who.name.clone(),
            time: self.house.now(),
            expires: self.window.document().ends,
            ends: None,
            hosts: None,
            accounts: None,
            sudo: None,
        }
    }

    fn signed(&self, who: &Someone, change: impl FnOnce(&mut Narrowing)) -> SignedNarrowing {
        let mut narrowing = self.bare(who);
        change(&mut narrowing);
        narrowing.sign(sshsig::with_key(&who.key)).unwrap()
    }

    fn send(&self, who: &Someone, signed: &SignedNarrowing) -> Result<WindowView, No> {
        let path = format!("/v1/windows/{}/narrowings", self.window.document().id);
        self.house.post(who, &path, signed)
    }

    fn narrow(&self, who: &Someone, change: impl FnOnce(&mut Narrowing)) -> Result<WindowView, No> {
        self.send(who, &self.signed(who, change))
    }
}

#[test]
fn a_narrowed_window_gives_certificates_for_what_is_left_of_it() {
    let scene = scene();
    let number = || scene.house.authority().announced().unwrap().number;
    let before = number();
    let ends = scene.house.now().plus(120);
    let view = scene
        .narrow(&scene.bob, |said| {
            said.ends = Some(ends);
            said.hosts = Some(names(&["db1"]));
        })
        .unwrap();
    assert_eq!((view.state, view.narrowings.len()), (WindowState::Open, 1));
    assert_eq!(number(), before + 1);
    let issued = scene.login("db1", "deploy").unwrap();
    assert_eq!((issued.window_ends, issued.valid_before), (ends, ends));
    assert_eq!(
        scene.login("db2", "deploy").map(drop),
        no(403, "window-narrowed")
    );
    // Her window, so Cody narrows it further: without the account that is not needed any more.
    scene
        .narrow(&scene.cody, |said| {
            said.accounts = Some(names(&["backup"]));
        })
        .unwrap();
    assert_eq!(
        scene.login("db1", "deploy").map(drop),
        no(403, "window-narrowed")
    );
    scene.login("db1", "backup").unwrap();
    let (count, limits) = scene.told();
    let left = limits.left_of(scene.window.document());
    assert_eq!((count, left.ends), (2, ends));
    assert_eq!(left.hosts, ["db1".parse().unwrap()]);
    assert_eq!(left.accounts, ["backup".parse().unwrap()]);
    scene.house.pass(121);
    assert_eq!(
        scene.login("db1", "backup").map(drop),
        no(403, "window-ended")
    );
    let path = format!("/v1/windows/{}", scene.window.document().id);
    let view: WindowView = scene.house.get(&scene.cody, &path).unwrap();
    assert_eq!(view.state, WindowState::Closed);
    let told = scene.house.told("window.narrowed");
    assert_eq!(told.len(), 2);
    assert_eq!(told[1]["identity"]["person"], "cody");
}

#[test]
fn a_narrowing_that_is_not_one_is_refused_and_journalled() {
    let scene = scene();
    let (cody, bob, house) = (&scene.cody, &scene.bob, &scene.house);
    let eve = Someone::new("eve");
    house.change_roster(|roster| roster.people.push(eve.entry(&[Role::Contractor])));
    let half = house.now().plus(300);
    let refused = |who: &Someone, change: &dyn Fn(&mut Narrowing)| {
        scene.narrow(who, |said| change(said)).map(drop)
    };
    assert_eq!(refused(bob, &|_| {}), no(422, "narrows-nothing"));
    let whole = scene.window.document().clone();
    assert_eq!(
        refused(bob, &|said| said.hosts = Some(whole.hosts.clone())),
        no(409, "narrows-nothing")
    );
    assert_eq!(
        refused(bob, &|said| said.ends = Some(whole.ends.plus(1))),
        no(409, "narrows-nothing")
    );
    assert_eq!(
        refused(bob, &|said| {
            said.ends = Some(half);
            said.expires = half;
        }),
        no(422, "narrowing-expires")
    );
    assert_eq!(
        refused(bob, &|said| {
            said.ends = Some(half);
            said.time = half.plus(61);
        }),
        no(422, "narrowing-untimely")
    );
    // A window of somebody else's is none that one could see.
    assert_eq!(
        refused(&eve, &|said| said.ends = Some(half)),
        no(404, "no-such-window")
    );
    let bobs = scene.signed(bob, |said| said.ends = Some(half));
    assert_eq!(
        scene.send(cody, &bobs).map(drop),
        no(403, "foreign-statement")
    );
    let mut changed = bobs.clone();
    changed.narrowing = changed.narrowing.replace("\"bob\"", "\"ada\"");
    assert_eq!(
        scene.send(bob, &changed).map(drop),
        no(403, "signature-invalid")
    );
    let other = house.request(cody, &house.wish("db1"));
    assert_eq!(
        refused(bob, &|said| {
            said.window = other.hash();
            said.ends = Some(half);
        }),
        no(403, "not-concerned")
    );
    // What the window never had cannot stay, and hosts are told of no such thing.
    assert_eq!(
        refused(bob, &|said| said.hosts = Some(names(&["db1", "db9"]))),
        no(409, "not-in-window")
    );
    assert_eq!(
        refused(bob, &|said| said.accounts =
            Some(names(&["deploy", "root"]))),
        no(409, "not-in-window")
    );
    assert_eq!(
        refused(bob, &|said| said.sudo = Some(names(&["/usr/bin/id"]))),
        no(409, "not-in-window")
    );
    let early = scene.of(&other);
    assert_eq!(
        early
            .narrow(bob, |said| said.sudo = Some(Vec::new()))
            .map(drop),
        no(409, "not-approved")
    );
    assert_eq!(house.told("window.narrowed").len(), 0);
    assert_eq!(house.told("statement.refused").len(), 12);
    scene.send(bob, &bobs).unwrap();
    house.say(bob, Verb::Revoke, &scene.window).unwrap();
    assert_eq!(
        refused(cody, &|said| said.ends = Some(half.minus(1))),
        no(409, "too-late")
    );
}

#[test]
fn hosts_are_told_of_no_narrowing_that_later_ones_say_as_well() {
    let scene = scene();
    for left in [500, 400, 300] {
        let ends = scene.house.now().plus(left);
        scene
            .narrow(&scene.cody, |said| said.ends = Some(ends))
            .unwrap();
    }
    let last = scene.window.document().starts.plus(200);
    scene
        .narrow(&scene.bob, |said| {
            said.ends = Some(last);
            said.sudo = Some(Vec::new());
        })
        .unwrap();
    let (count, limits) = scene.told();
    let left = limits.left_of(scene.window.document());
    assert_eq!((count, left.ends, left.sudo.len()), (1, last, 0));
    // They are all there for people and auditors.
    let path = format!("/v1/windows/{}", scene.window.document().id);
    let view: WindowView = scene.house.get(&scene.cody, &path).unwrap();
    assert_eq!(view.narrowings.len(), 4);
}

#[test]
fn nobody_narrows_one_window_without_end() {
    let scene = scene();
    let narrow = |by: u64| {
        let ends = scene.window.document().ends.minus(by);
        scene
            .narrow(&scene.cody, |said| said.ends = Some(ends))
            .map(drop)
    };
    for by in 1..=8 {
        assert_eq!(narrow(by), Ok(()));
    }
    assert_eq!(narrow(9), no(409, "narrowed-too-often"));
    let ends = scene.window.document().ends.minus(9);
    scene
        .narrow(&scene.bob, |said| said.ends = Some(ends))
        .unwrap();
}

#[test]
fn a_narrowing_is_there_again_after_a_crash() {
    let mut scene = scene();
    let ends = scene.house.now().plus(60);
    scene
        .narrow(&scene.cody, |said| said.ends = Some(ends))
        .unwrap();
    scene.house.crash();
    scene.house.start();
    let (count, limits) = scene.told();
    assert_eq!(count, 1);
    assert_eq!(limits.left_of(scene.window.document()).ends, ends);
    assert_eq!(scene.login("db1", "deploy").unwrap().window_ends, ends);
}

#[test]
fn nothing_is_told_of_how_a_stopped_window_was_narrowed() {
    for verb in [Verb::End, Verb::Revoke] {
        let scene = scene();
        scene
            .narrow(&scene.cody, |said| said.sudo = Some(Vec::new()))
            .unwrap();
        assert_eq!(scene.told().0, 1);
        scene.house.say(&scene.bob, verb, &scene.window).unwrap();
        assert_eq!(scene.told().0, 0);
    }
}

#[test]
fn one_contractor_takes_no_room_in_the_state_from_another() {
    let scene = scene();
    let (house, cody, bob) = (&scene.house, &scene.cody, &scene.bob);
    let dana = Someone::new("dana");
    house.change_roster(|roster| roster.people.push(dana.entry(&[Role::Contractor])));
    let mut wish = house.wish("db1");
    let item = |number: u32| format!("/usr/bin/true {number} {}", "x".repeat(180));
    wish.sudo = (0..40)
        .map(|number| item(number).parse().unwrap())
        .collect();
    let mut taken = Vec::new();
    let last = loop {
        assert!(taken.len() < 20, "Cody fills the state");
        let window = house.request(cody, &wish);
        house.say(bob, Verb::Approve, &window).unwrap();
        let narrowed = scene.of(&window).narrow(cody, |said| {
            said.sudo = Some(wish.sudo[1..].to_vec());
        });
        if narrowed.is_err() {
            assert_eq!(narrowed.map(drop), no(409, "state-full"));
            break window;
        }
        taken.push(window);
    };
    assert!(taken.len() > 4, "{}", taken.len());
    // Nobody else is kept from anything by that.
    let window = house.request(&dana, &wish);
    house.say(&dana, Verb::End, &window).unwrap();
    let of_last = scene.of(&last);
    of_last
        .narrow(bob, |said| said.ends = Some(house.now().plus(60)))
        .unwrap();
    // Cody ends what was narrowed, of which nothing is told then, and has room again.
    house.say(cody, Verb::End, &taken[0]).unwrap();
    of_last
        .narrow(cody, |said| said.sudo = Some(wish.sudo[1..].to_vec()))
        .unwrap();
}
