//! What becomes of a window in each of its ways to an end, as the CA's API tells it.

mod house;

use daypass_protocol::api::{CertificateWish, Issued, WindowState, WindowView, Windows};
use daypass_protocol::roster::Role;
use daypass_protocol::statement::Verb;
use daypass_protocol::window::FrozenWindow;
use house::{House, No, Someone, no};
use serde_json::json;

/// Cody asks, Bob approves.
struct Scene {
    house: House,
    bob: Someone,
    cody: Someone,
}

fn scene() -> Scene {
    let [bob, cody] = ["bob", "cody"].map(Someone::new);
    let house = House::with(&[(&bob, &[Role::Approver]), (&cody, &[Role::Contractor])]);
    house.host("db1");
    Scene { house, bob, cody }
}

impl Scene {
    fn requested(&self) -> FrozenWindow {
        self.house.request(&self.cody, &self.house.wish("db1"))
    }

    fn say(&self, who: &Someone, verb: Verb, window: &FrozenWindow) -> Result<WindowState, No> {
        let view = self.house.say(who, verb, window);
        view.map(|view| view.state)
    }

    fn state(&self, window: &FrozenWindow) -> WindowState {
        let path = format!("/v1/windows/{}", window.document().id);
        let view: WindowView = self.house.get(&self.cody, &path).unwrap();
        view.state
    }

    /// A certificate of this very window.
    fn login(&self, window: &FrozenWindow) -> Result<(), No> {
        let wish = CertificateWish {
            host: "db1".parse().unwrap(),
            account: "deploy".parse().unwrap(),
            key: self.cody.public(),
            window: Some(window.document().id),
        };
        let issued = self
            .house
            .post::<Issued>(&self.cody, "/v1/certificates", &wish);
        issued.map(|_| ())
    }
}

#[test]
fn a_denied_window_stays_denied() {
    let scene = scene();
    let window = scene.requested();
    let denied = scene.say(&scene.bob, Verb::Deny, &window);
    assert_eq!(denied, Ok(WindowState::Denied));
    assert_eq!(scene.login(&window), no(403, "window-denied"));
    let after = [
        (&scene.bob, Verb::Approve),
        (&scene.cody, Verb::End),
        (&scene.bob, Verb::Revoke),
    ];
    for (who, verb) in after {
        assert_eq!(scene.say(who, verb, &window), no(409, "too-late"), "{verb}");
    }
    scene.house.pass(700);
    assert_eq!(scene.state(&window), WindowState::Denied);
}

#[test]
fn a_request_that_is_withdrawn_cannot_be_approved_any_more() {
    let scene = scene();
    let window = scene.requested();
    let withdrawn = scene.say(&scene.cody, Verb::End, &window);
    assert_eq!(withdrawn, Ok(WindowState::Ended));
    let approved = scene.say(&scene.bob, Verb::Approve, &window);
    assert_eq!(approved, no(409, "too-late"));
    assert_eq!(scene.login(&window), no(403, "window-ended"));
}

#[test]
fn a_window_that_nobody_approved_before_its_end_has_lapsed() {
    let scene = scene();
    let window = scene.requested();
    assert_eq!(scene.state(&window), WindowState::Requested);
    assert_eq!(scene.login(&window), no(403, "not-approved"));
    scene.house.pass(601);
    assert_eq!(scene.state(&window), WindowState::Lapsed);
    let late = scene
        .house
        .statement_of(Verb::Approve, &window, &scene.bob.name);
    let late = daypass_protocol::statement::Statement {
        expires: scene.house.now().plus(60),
        ..late
    };
    let late = late
        .sign(daypass_protocol::sshsig::with_key(&scene.bob.key))
        .unwrap();
    let answer = scene.house.send(&scene.bob, &window, &late);
    assert_eq!(answer.map(|_| ()), no(409, "too-late"));
    let listed: Windows = scene
        .house
        .get(&scene.cody, "/v1/windows?state=lapsed")
        .unwrap();
    assert_eq!(listed.windows.len(), 1);
}

#[test]
fn an_approved_window_that_nobody_used_is_closed_at_its_end() {
    let scene = scene();
    let window = scene.requested();
    let approved = scene.say(&scene.bob, Verb::Approve, &window);
    assert_eq!(approved, Ok(WindowState::Open));
    assert_eq!(scene.login(&window), Ok(()));
    scene.house.pass(601);
    assert_eq!(scene.state(&window), WindowState::Closed);
    assert_eq!(scene.login(&window), no(403, "window-ended"));
}

/// Hours that are over, or to come, on the day of the test whichever it is.
#[test]
fn outside_its_hours_a_window_gives_a_certificate_only_where_they_alert() {
    let scene = scene();
    for (outside, expected) in [("deny", no(403, "outside-hours")), ("alert", Ok(()))] {
        let mut wish = scene.house.wish("db1");
        wish.ends = wish.starts.plus(8 * 86_400);
        // Of one minute a week, and now is another one.
        let other_day = scene.house.now().unix() / 86_400 % 7 + 3;
        let days = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];
        let day = days[usize::try_from(other_day % 7).unwrap()];
        wish.hours = serde_json::from_value(json!({
            "zone": "UTC",
            "ranges": [{"days": [day], "from": "12:00", "to": "12:01"}],
            "outside": outside,
        }))
        .unwrap();
        let window = scene.house.request(&scene.cody, &wish);
        let approved = scene.say(&scene.bob, Verb::Approve, &window);
        assert_eq!(approved, Ok(WindowState::Open));
        assert_eq!(scene.login(&window), expected, "{outside}");
    }
}

#[test]
fn a_window_with_somebody_elses_key_is_not_taken_in() {
    let scene = scene();
    let drafted = scene
        .house
        .draft(&scene.cody, &scene.house.wish("db1"))
        .unwrap();
    let (own, others) = (
        scene.cody.public().fingerprint().to_string(),
        scene.bob.public().fingerprint().to_string(),
    );
    let text = drafted.text().replace(&own, &others);
    let foreign = FrozenWindow::parse(&text).unwrap();
    let answer = scene.house.submit(&scene.cody, Verb::Request, &foreign);
    assert_eq!(answer.map(|_| ()), no(422, "foreign-key"));
}

#[test]
fn a_contractor_keeps_no_more_windows_to_come_than_anybody_needs() {
    let scene = scene();
    let mut wish = scene.house.wish("db1");
    wish.starts = wish.starts.plus(3600);
    wish.ends = wish.starts.plus(600);
    for _ in 0..256 {
        scene.house.request(&scene.cody, &wish);
    }
    let one_more = scene.house.draft(&scene.cody, &wish).unwrap();
    let answer = scene.house.submit(&scene.cody, Verb::Request, &one_more);
    assert_eq!(answer.map(|_| ()), no(409, "too-many-windows"));
    // An approver judges for themselves.
    wish.contractor = Some(scene.cody.name.clone());
    let granted = scene.house.draft(&scene.bob, &wish).unwrap();
    let answer = scene.house.submit(&scene.bob, Verb::Grant, &granted);
    assert_eq!(answer.map(|_| ()), Ok(()));
}
