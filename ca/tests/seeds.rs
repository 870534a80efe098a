//! The seeds of the fuzz targets that read what goes to a CA and comes from one: a day's traffic of a real one.

mod house;

use std::fs;
use std::path::{Path, PathBuf};

use daypass_ca::backup;
use daypass_ca::control::Question;
use daypass_protocol::api::{CertificateWish, Invitations, Invited, Issued, TokenWish};
use daypass_protocol::certificate;
use daypass_protocol::comeback::{Comeback, NAMESPACE, SignedComeback};
use daypass_protocol::grant::Grant;
use daypass_protocol::narrowing::{Narrowing, Verb as Narrows};
use daypass_protocol::revocation::{Revocation, Subject};
use daypass_protocol::roster::Role;
use daypass_protocol::sshsig;
use daypass_protocol::statement::Verb;
use daypass_protocol::token::{InviteLine, SetupLine};
use daypass_protocol::version::Version;
use daypass_transport::client::Request;
use house::inviting::signed;
use house::machine::{application, renewal, with_keys};
use house::{House, Someone};
use serde::Serialize;
use serde_json::{Value, json};

struct Seeds(PathBuf);

impl Seeds {
    fn put(&self, target: &str, name: &str, bytes: impl AsRef<[u8]>) {
        let directory = self.0.join(target);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(name), bytes).unwrap();
    }

    /// A body, for the targets that read one of its kind.
    fn body(&self, targets: &[&str], name: &str, body: &impl Serialize) {
        let text = serde_json::to_string(body).unwrap();
        for target in targets {
            self.put(target, name, &text);
        }
    }
}

#[test]
#[ignore = "makes the seeds of fuzz targets anew, with new keys; run by hand after a change of a format"]
fn make_the_seeds() {
    let seeds = Seeds(Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds"));
    let [cody, bob] = ["cody", "bob"].map(Someone::new);
    let house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    let now = house.now();

    let wish = TokenWish {
        host: Some("db1".parse().unwrap()),
        aliases: vec!["db1.example.org".parse().unwrap()],
        groups: vec!["db".parse().unwrap()],
        uses: 1,
        ttl: 600,
        replace: false,
    };
    seeds.body(&["api"], "token", &wish);
    let token = house.token("db1", &["db"]);
    seeds.put("credential", "token", token.to_string());
    seeds.put(
        "credential",
        "setup",
        house.authority().setup_line().to_string(),
    );
    invitations(&seeds, &house);
    let (mut asked, key) = application(&token);
    let ssh = Someone::new("db1");
    with_keys(token.ca, &mut asked, &[&ssh]);
    seeds.body(&["api"], "enrolment", &asked);
    seeds.put("x509", "csr", &asked.csr);
    seeds.put("key", "key", ssh.public().to_string());
    let enrolled: daypass_protocol::api::Enrolled =
        house.post_bare("/v1/hosts/enroll", &asked).unwrap();
    seeds.body(&["answer"], "enrolled", &enrolled);
    seeds.body(&["statement"], "record", &enrolled.enrolment);
    seeds.put("x509", "client", &enrolled.client_certificate);
    seeds.put("x509", "root", house.root());
    seeds.put("certificate", "host", &enrolled.host_certificates[0]);
    let (again, _) = renewal(house.newborn.pin, "db1", &ssh);
    seeds.body(&["api"], "renewal", &again);
    seeds.body(&["api"], "retirement", &json!({"entries": 7}));
    let comeback = Comeback {
        v: Version,
        ca: house.newborn.pin,
        host: "db1".parse().unwrap(),
        time: now,
        csr: again.csr,
        host_keys: again.host_keys,
    };
    let text = comeback.to_text().unwrap();
    let signed = SignedComeback {
        proofs: again.proofs,
        signature: sshsig::sign(NAMESPACE, text.as_bytes(), sshsig::with_key(&ssh.key)).unwrap(),
        comeback: text,
    };
    seeds.body(&["api"], "comeback", &signed);
    let (request, _) = house.collector_request("log");
    seeds.body(&["api"], "collector", &request);
    seeds.body(&["api"], "admission", &house.admit(&request).unwrap());
    let add = Question::CollectorAdd(serde_json::to_string(&request).unwrap());
    seeds.body(&["control"], "collector-add", &add);

    let mut wish = house.wish("db1");
    wish.sources = Some(vec!["192.0.2.0/24".parse().unwrap()]);
    wish.hours = Some(
        serde_json::from_value(json!({
            "zone": "Europe/Amsterdam",
            "ranges": [{"days": ["mon", "sat"], "from": "20:00", "to": "24:00"}],
            "outside": "alert",
        }))
        .unwrap(),
    );
    seeds.body(&["api"], "wish", &wish);
    let window = house.draft(&cody, &wish).unwrap();
    seeds.put("window", "window", window.text());
    let requested = house.statement(&cody, Verb::Request, &window);
    let submission = json!({"window": window.text(), "statement": requested});
    seeds.body(&["api"], "submission", &submission);
    house.submit(&cody, Verb::Request, &window).unwrap();
    let approved = house.statement(&bob, Verb::Approve, &window);
    seeds.body(&["api", "statement"], "approval", &approved);
    seeds.put("signature", "approval", approved.signature.to_string());
    house.send(&bob, &window, &approved).unwrap();
    let grant = Grant::new(&window, vec![requested, approved]);
    seeds.put("grant", "grant", grant.to_text().unwrap());

    let plain = house.request(&cody, &house.wish("db1"));
    house.say(&bob, Verb::Approve, &plain).unwrap();
    let login = CertificateWish {
        host: "db1".parse().unwrap(),
        account: "deploy".parse().unwrap(),
        key: cody.public(),
        window: Some(plain.document().id),
    };
    seeds.body(&["api"], "login", &login);
    let issued: Issued = house.post(&cody, "/v1/certificates", &login).unwrap();
    seeds.body(&["answer"], "issued", &issued);
    seeds.put("certificate", "user", &issued.certificate);
    let certificate = certificate::parse(&issued.certificate).unwrap();
    seeds.put("certificate", "bytes", certificate.to_bytes().unwrap());

    let narrowing = Narrowing {
        v: Version,
        verb: Narrows::Narrow,
        window: plain.hash(),
        ca: house.newborn.pin,
        signer: bob.name.clone(),
        time: now,
        expires: plain.document().ends,
        ends: Some(plain.document().ends.minus(60)),
        hosts: Some(vec!["db1".parse().unwrap()]),
        accounts: None,
        sudo: Some(Vec::new()),
    };
    let narrowing = narrowing.sign(sshsig::with_key(&bob.key)).unwrap();
    seeds.body(&["api", "narrowing"], "narrowing", &narrowing);
    let path = format!("/v1/windows/{}/narrowings", plain.document().id);
    house.post::<Value>(&bob, &path, &narrowing).unwrap();

    for (name, subject) in [
        ("serial", Subject::Serial(certificate.serial())),
        ("key", Subject::Key(cody.public().fingerprint())),
        ("person", Subject::Person(cody.name.clone())),
        ("host", Subject::Host("db1".parse().unwrap())),
    ] {
        let pin = house.newborn.pin;
        let said = Revocation::of(&subject, pin, bob.name.clone(), now, now.plus(600));
        let said = said.sign(sshsig::with_key(&bob.key)).unwrap();
        seeds.body(&["api", "revocation"], name, &said);
        house.post::<Value>(&bob, "/v1/revocations", &said).unwrap();
    }

    let header = house.header(&bob, "POST", "/v1/revocations", b"{}");
    seeds.put("credential", "header", header);
    let announced = house.authority().announced().unwrap();
    seeds.body(&["statement"], "state", &announced.signed);
    seeds.put("krl", "krl", &announced.krl);
    for (name, path) in [
        ("about", "/v1/about"),
        ("roster", "/v1/roster"),
        ("hosts", "/v1/hosts"),
        ("windows", "/v1/windows"),
        ("journal", "/v1/journal?since=0&limit=20"),
    ] {
        let header = house.header(&house.admin, "GET", path, b"");
        let request = Request::get(path).authorized(&header);
        seeds.put("answer", name, house.client(None).fetch(&request).unwrap());
    }
    house.change_roster(|roster| {
        roster.policy = serde_json::from_value(json!({
            "approvals": 1,
            "max_certificate_ttl": 7200,
            "rules": [{"name": "prod", "groups": ["db"], "sudo": "root", "require": {"approvals": 2, "from_people": ["bob"]}}],
            "standing": [{"name": "tuesdays", "contractors": ["cody"], "groups": ["db"], "accounts": ["deploy"], "permit": ["pty"],
                "until": "2031-03-01T00:00:00Z",
                "hours": {"zone": "Europe/Amsterdam", "ranges": [{"days": ["tue"], "from": "20:00", "to": "22:00"}], "outside": "deny"}}],
        }))
        .unwrap();
    });
    let chain = house.chain().chain;
    let newest = chain.last().unwrap();
    seeds.body(&["api"], "roster", newest);
    seeds.put("roster", "roster", &newest.roster);
    let roster: Value = serde_json::from_str(&newest.roster).unwrap();
    seeds.body(&["policy"], "json", &roster["policy"]);
    let backup = house.directory.path().join("seed.tar");
    backup::write(&house.layout(), None, &backup, now.unix()).unwrap();
    seeds.put("restore", "backup", fs::read(&backup).unwrap());
    drop(key);
}

/// Carol is invited, and hands a key in.
fn invitations(seeds: &Seeds, house: &House) {
    let invite = json!({"person": "carol", "roles": ["contractor"], "seconds": 600});
    seeds.body(&["api"], "invite", &invite);
    let carol = Someone::new("carol");
    let Invited { secret, .. } = house.invite("carol").unwrap();
    let SetupLine { url, root, ca } = house.authority().setup_line();
    let line = InviteLine {
        url,
        root,
        ca,
        person: carol.name.clone(),
        secret: secret.clone(),
    };
    seeds.put("credential", "invite", line.to_string());
    let asked = signed(&secret, &house.acceptance(&secret, &carol), &carol);
    seeds.body(&["api"], "acceptance", &asked);
    house.hand_in(&asked).unwrap();
    let invitations = house.invitations();
    seeds.body(&["answer"], "invitations", &Invitations { invitations });
}
