//! The PAM module under valgrind, with an agent that answers everything but what it should.

use std::time::Duration;

use daypass_tests::{Host, Result, SOON, Site};

use crate::Rows;

const PATIENCE: Duration = Duration::from_secs(180);
const AGENT: &str = include_str!("memory.py");
/// PAM's service of the console, as it stands for whoever is in this mount namespace: the module, and nobody else who
/// says anything.
const SETTING: &str = r#"
    set -eu
    mkdir -p /root/memory/pam.d
    echo "$(id -u deploy) deploy" > /root/memory/managed
    module="pam_daypass.so socket=/root/memory/socket managed=/root/memory/managed mark=/root/memory/mark"
    for kind in auth account session; do
        printf '%s required pam_permit.so\n%s required %s\n' $kind $kind "$module"
    done > /root/memory/pam.d/login
"#;
/// What valgrind says when it has found something.
const FOUND: i32 = 99;
/// Nonsense, a yes, a refusal, and no answer at all.
const KINDS: [&str; 4] = ["3", "13", "14", "24"];

pub(crate) const ROWS: &Rows = &[(
    "the_module_keeps_its_memory_in_order_whatever_the_agent_answers",
    memory,
)];

fn memory(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    db1.script(SETTING).ok()?;
    db1.write("/root/memory/agent.py", AGENT)?;
    // Nobody who is not managed is refused, so one run hears every answer.
    let phases = "acct_mgmt open_session close_session ".repeat(9);
    let said = knock(db1, &[], "olga", &phases)?;
    assert_eq!(said, Some(0), "an ordinary user");
    for kind in KINDS {
        let phases = "acct_mgmt open_session setcred close_session";
        let said = knock(db1, &[kind], "deploy", phases)?;
        let expected = if kind == "13" { 0 } else { 1 };
        assert_eq!(said, Some(expected), "a managed account, answer {kind}");
    }
    Ok(())
}

fn knock(db1: &Host, kind: &[&str], who: &str, phases: &str) -> Result<Option<i32>> {
    let words = ["python3", "/root/memory/agent.py", "/root/memory/socket"];
    let mut agent = db1.root(words.iter().chain(kind)).spawn()?;
    agent.await_text("listening", SOON)?;
    let knock = format!(
        "rm -f /root/memory/mark; mount --bind /root/memory/pam.d /etc/pam.d; \
         exec valgrind --quiet --error-exitcode={FOUND} --leak-check=full --errors-for-leak-kinds=definite \
         pamtester login {who} {phases}"
    );
    let output = db1
        .root(["unshare", "--mount", "sh", "-ec", &knock])
        .within(PATIENCE)
        .run()?;
    assert_ne!(output.code(), Some(FOUND), "{output}");
    Ok(output.code())
}
