//! Evidence: gathered from real journals, judged by ourselves and by `tar`, `sha256sum` and `ssh-keygen`, and tampered with.

mod archive;
mod doubts;
mod handed_over;
mod long_lines;
mod scene;
mod seeds;

use std::path::Path;
use std::process::Command;

use archive::Files;
use scene::Scene;

/// What the program said.
struct Said {
    code: i32,
    out: String,
    err: String,
}

fn daypass(home: &Path, words: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_daypass"))
        .args(words)
        .env("HOME", home)
        .env("TZ", "UTC")
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .expect("daypass runs");
    Said {
        code: output.status.code().expect("a code"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

fn verify(scene: &Scene, archive: &[u8]) -> Said {
    verify_with(scene, archive, &scene.trust)
}

fn verify_with(scene: &Scene, archive: &[u8], trust: &Path) -> Said {
    let path = scene.path("changed.tar");
    std::fs::write(&path, archive).expect("written");
    daypass(
        scene.home(),
        &["evidence", "verify", text(&path), "--trust", text(trust)],
    )
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

#[test]
fn a_visit_is_told_and_proven() {
    let scene = Scene::new();
    let archive = scene.exported(&["--window", &scene.window()]);
    let said = verify(&scene, &archive);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    for words in [
        "carol was on db1 as deploy",
        "from         192.0.2.7",
        "because      order 4711",
        "asked for by carol",
        "approved by  bob (roster 3)",
        "sudo.request allowed  sudo systemctl restart nginx",
        "signed by the log",
        "by example.org/witness",
        "PROVEN",
    ] {
        assert!(
            said.out.contains(words),
            "{words} is missing in:\n{}",
            said.out
        );
    }
    assert!(!said.out.contains("\u{1b}"), "{}", said.out);
    let path = scene.path("changed.tar");
    let json = daypass(
        scene.home(),
        &[
            "evidence",
            "verify",
            text(&path),
            "--trust",
            text(&scene.trust),
            "-o",
            "json",
        ],
    );
    let json: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!(json["verdict"], "proven");
    assert_eq!(json["visits"][0]["approved_by"], serde_json::json!(["bob"]));
}

#[test]
fn the_same_question_makes_the_same_bytes() {
    let scene = Scene::new();
    let question = ["--window", &scene.window()];
    assert_eq!(scene.exported(&question), scene.exported(&question));
}

#[test]
fn a_session_or_a_span_of_time_makes_evidence_too() {
    let scene = Scene::new();
    for question in [
        &["--session", scene::SESSION][..],
        &["--since", "1h"],
        &["--user", "carol"],
    ] {
        let said = verify(&scene, &scene.exported(question));
        assert_eq!(said.code, 0, "{question:?}\n{}{}", said.out, said.err);
        assert!(said.out.contains("carol was on db1"), "{}", said.out);
    }
}

#[test]
fn the_hosts_journal_alone_proves_a_visit_where_the_rosters_are_given() {
    let scene = Scene::new();
    let archive = scene.exported_from(
        &[&scene.host],
        &["--session", scene::SESSION, "--chain", text(&scene.chain)],
    );
    let said = verify(&scene, &archive);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(
        said.out.contains("the CA's own entry about certificate"),
        "{}",
        said.out
    );
}

#[test]
fn stock_tools_check_the_parts() {
    let scene = Scene::new();
    let archive = scene.path("bundle.tar");
    std::fs::write(&archive, scene.exported(&["--window", &scene.window()])).expect("written");
    let directory = scene.path("unpacked");
    std::fs::create_dir(&directory).expect("a directory");
    let run = |script: &str| {
        let output = Command::new("sh")
            .arg("-euc")
            .arg(script)
            .current_dir(&directory)
            .output()
            .expect("sh runs");
        let both = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&both).into_owned();
        assert!(output.status.success(), "{script}\n{said}");
        said
    };
    run(&format!("tar xf {}", text(&archive)));
    run("sha256sum -c --strict SHA256SUMS");
    let pin = run("sha256sum rosters/1.json");
    assert!(pin.starts_with(&scene.pin), "{pin}");
    for number in [1, 2, 3] {
        run(&format!(
            "ssh-keygen -Y verify -f allowed_signers -I ada -n daypass-roster@v1 -s rosters/{number}.json.1.sig < rosters/{number}.json"
        ));
    }
    let window = scene.window();
    for (file, who, verb) in [
        ("1-request", "carol", "request"),
        ("2-approve", "bob", "approve"),
    ] {
        let at = format!("windows/{window}/{file}.json");
        run(&format!(
            "ssh-keygen -Y verify -f allowed_signers -I {who} -n daypass-{verb}@v1 -s {at}.sig < {at}"
        ));
        // The signature is carol's or bob's, and nobody else's.
        run(&format!(
            "! ssh-keygen -Y verify -f allowed_signers -I ada -n daypass-{verb}@v1 -s {at}.sig < {at}"
        ));
    }
    let hash = run(&format!(
        "sha256sum windows/{window}/window.json | cut -d' ' -f1"
    ));
    run(&format!(
        "grep -q {} windows/{window}/2-approve.json",
        hash.trim()
    ));
    let certificate = run("ssh-keygen -L -f certificates/*-cert.pub");
    assert!(
        certificate.contains(&window) && certificate.contains(&scene.user_ca_fingerprint()),
        "{certificate}"
    );
}

#[test]
fn a_changed_byte_in_any_part_is_found_and_the_part_is_named() {
    let scene = Scene::new();
    let archive = scene.exported(&["--window", &scene.window()]);
    let files = Files::of(&archive);
    for (name, (start, length)) in files.places() {
        let middle = [
            0,
            1,
            length / 3,
            length / 2,
            length.saturating_sub(2),
            length.saturating_sub(1),
        ];
        for at in middle.into_iter().filter(|at| *at < length) {
            let mut changed = archive.clone();
            changed[start + at] ^= 1;
            let said = verify(&scene, &changed);
            assert_eq!(said.code, 1, "{name} at {at}: {}", said.out);
            assert!(
                said.out.contains(&name) || name == "SHA256SUMS",
                "{name} at {at}: {}",
                said.out
            );
        }
    }
}

/// Whoever tampers can mend the sums; then signatures, hashes and proofs tell.
#[test]
fn a_changed_part_is_found_when_the_sums_were_mended() {
    let scene = Scene::new();
    let archive = scene.exported(&["--window", &scene.window()]);
    for name in Files::of(&archive).names() {
        if name == "SHA256SUMS" {
            continue;
        }
        let mut files = Files::of(&archive);
        files.change(&name, |bytes| {
            // Within what is said: a digit or letter that stays one.
            let at = bytes
                .iter()
                .rposition(u8::is_ascii_lowercase)
                .expect("a letter");
            bytes[at] = if bytes[at] == b'a' { b'b' } else { b'a' };
        });
        let said = verify(&scene, &files.archive());
        // Of a proof, this is the last witness's line: then nobody trusted has witnessed it.
        let expected = if name.ends_with(".tlog-proof") {
            [1, 2]
        } else {
            [1, 1]
        };
        assert!(expected.contains(&said.code), "{name}: {}", said.out);
    }
}

#[test]
fn a_forged_story_does_not_hold() {
    let scene = Scene::new();
    let archive = scene.exported(&["--window", &scene.window()]);
    let forged = |change: &dyn Fn(&mut Files)| {
        let mut files = Files::of(&archive);
        change(&mut files);
        let said = verify(&scene, &files.archive());
        (said.code, said.out)
    };
    let entry = |files: &Files, action: &str| {
        let is_it = |name: &String| {
            name.ends_with(".json")
                && files
                    .text(name)
                    .contains(&format!("\"action\":\"{action}\""))
        };
        files.names().into_iter().find(is_it).expect(action)
    };
    // The command that was run was another.
    let (code, said) = forged(&|files| {
        let name = entry(files, "sudo.request");
        files.replace(&name, "restart nginx", "restart sshd_");
    });
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the entry is not number"), "{said}");
    // One entry's proof for another.
    let (code, said) = forged(&|files| {
        let (one, other) = (entry(files, "sudo.request"), entry(files, "sudo.start"));
        let bytes = files.bytes(&one);
        files.change(&other, |old| *old = bytes.clone());
    });
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("it is entry"), "{said}");
    // An approval that was never given, by leaving the signature and changing the name.
    let (code, said) = forged(&|files| {
        let name = format!("windows/{}/2-approve.json", scene.window());
        files.replace(&name, "\"signer\":\"bob\"", "\"signer\":\"ada\"");
    });
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("2-approve.json"), "{said}");
    // Without the approval at all.
    let (code, said) = forged(&|files| {
        files.remove(&format!("windows/{}/2-approve.json", scene.window()));
        files.remove(&format!("windows/{}/2-approve.json.sig", scene.window()));
    });
    assert_eq!(code, 1, "{said}");
    // A part that nothing refers to.
    let (code, said) = forged(&|files| files.add("certificates/7-cert.pub", b"x\n"));
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("nothing in the bundle refers to it"),
        "{said}"
    );
}

#[test]
fn a_bundle_without_how_the_session_began_is_incomplete() {
    let scene = Scene::new();
    let mut files = Files::of(&scene.exported(&["--window", &scene.window()]));
    let names = files.names();
    let opening = names
        .iter()
        .find(|name| files.text(name).contains("\"action\":\"session.open\""))
        .expect("an entry")
        .clone();
    files.remove(&opening);
    files.remove(&opening.replace(".json", ".tlog-proof"));
    let said = verify(&scene, &files.archive());
    assert_eq!(said.code, 2, "{}", said.out);
    assert!(
        said.out.contains("the entry that opened session"),
        "{}",
        said.out
    );
}

#[test]
fn what_the_trust_file_lacks_makes_it_incomplete_and_another_ca_makes_it_false() {
    let scene = Scene::new();
    let archive = scene.exported(&["--window", &scene.window()]);
    let trust = std::fs::read_to_string(&scene.trust).expect("a trust file");
    let with = |change: &dyn Fn(&str) -> String| {
        let path = scene.path("other.toml");
        std::fs::write(&path, change(&trust)).expect("written");
        let said = verify_with(&scene, &archive, &path);
        (said.code, said.out)
    };
    let (code, said) = with(&|trust| trust.replace(&scene.pin, &"0".repeat(64)));
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("pin"), "{said}");
    let (code, said) = with(&|trust| trust.split("[ca]").next().expect("logs").to_owned());
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("no pin"), "{said}");
    // The CA's own proven entry names its key, too.
    let (code, said) = with(&|trust| trust.split("user_ca").next().expect("a pin").to_owned());
    assert_eq!(code, 0, "{said}");
    let (code, said) = with(&|trust| trust.replace("/host/db1/", "/host/db2/"));
    assert_eq!(code, 2, "the file itself is none: {said}");
    let (code, said) = with(&|trust| {
        let start = trust.find("[[witness]]").expect("a witness");
        let end = trust.find("[ca]").expect("a CA");
        format!("{}{}", &trust[..start], &trust[end..])
    });
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("by no witness"), "{said}");
    let (code, said) = with(&|trust| {
        let other =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJl3dIeudNqd0DPMRD6OIh65tjkxFNOtoGwmQt0ZJkGm";
        trust.replace(&scene.user_ca, other)
    });
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("certificates/"), "{said}");
}

#[test]
fn a_question_without_an_answer_is_said_so() {
    let scene = Scene::new();
    let out = scene.path("none.tar");
    let said = daypass(
        scene.home(),
        &["evidence", "export", text(&scene.host), "-o", text(&out)],
    );
    assert_eq!(said.code, 64, "{}", said.err);
    let said = daypass(
        scene.home(),
        &[
            "evidence",
            "export",
            text(&scene.host),
            "--session",
            "s-ffffffffffffffff",
            "-o",
            text(&out),
        ],
    );
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("no entry"), "{}", said.err);
    assert!(!out.exists());
}

#[test]
fn prove_and_tiles_write_what_others_read() {
    let scene = Scene::new();
    let (proof, entry, tiles) = (
        scene.path("p.tlog-proof"),
        scene.path("entry.json"),
        scene.path("tiles"),
    );
    let said = daypass(
        scene.home(),
        &[
            "prove",
            text(&scene.host),
            "--seq",
            "2",
            "-o",
            text(&proof),
            "--entry",
            text(&entry),
        ],
    );
    assert_eq!(said.code, 0, "{}", said.err);
    let text_of = std::fs::read_to_string(&proof).expect("a proof");
    let parsed: daypass_journal::proof::Proof = text_of.parse().expect("a proof");
    let trust = daypass_journal::trust::Trust::read(&scene.trust).expect("a trust file");
    let log = trust
        .logs
        .iter()
        .find(|log| log.origin().contains("/host/"))
        .expect("the host's log");
    let proven = parsed
        .check(
            &std::fs::read(&entry).expect("an entry"),
            log,
            &trust.witnesses,
        )
        .expect("proven");
    assert_eq!(proven.witnesses.len(), 1);
    let said = daypass(scene.home(), &["prove", text(&scene.host), "--seq", "999"]);
    assert_eq!(said.code, 1);
    let said = daypass(
        scene.home(),
        &[
            "journal",
            "export",
            text(&scene.host),
            "--tiles",
            text(&tiles),
        ],
    );
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(tiles.join("checkpoint").exists());
    let said = daypass(
        scene.home(),
        &[
            "journal",
            "export",
            text(&scene.host),
            "--tiles",
            text(&tiles),
        ],
    );
    assert_eq!(said.code, 1);
    assert!(said.err.contains("not empty"), "{}", said.err);
}
