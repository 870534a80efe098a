//! What stock `ssh` needs, so that `ssh`, `scp`, `rsync`, `git` and `ansible` log in by themselves.
//!
//! `Match final` is read in a second pass, when `HostName` and `User` of every other block, those below the
//! Include line too, are known: so a `User deploy` in the person's own configuration is respected. A criterion
//! that fails stops the line before `exec`: for other hosts nothing is run. Certificates are offered before plain
//! keys, so that it does not matter that the person's own `IdentityFile` lines come first.

use std::fmt::Write as _;
use std::path::Path;

/// What goes into the include file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Include<'a> {
    /// The enrolled hosts' names and aliases, checked against the host name grammar: they are patterns to `ssh`.
    pub(super) hosts: &'a [String],
    /// This program, as `ssh` shall call it.
    pub(super) program: &'a Path,
    /// The directory that `login` writes to.
    pub(super) certificates: &'a Path,
    /// The private key, or the public one where an agent holds the private one.
    pub(super) identity: &'a Path,
    /// The agent's socket, where it is not the usual one.
    pub(super) agent: Option<&'a Path>,
    /// The person's own file of host keys.
    pub(super) own_known_hosts: &'a Path,
    /// Our file of host CA keys.
    pub(super) known_hosts: &'a Path,
    /// Our list of host keys that are refused. It stands there already: without it `ssh` refuses every host.
    pub(super) revoked_hosts: &'a Path,
}

const HEAD: &str = "\
# Written by `daypass setup`; `daypass setup --refresh` writes it anew. Changes made here are lost.
";

impl Include<'_> {
    /// The file's text; `None` when a path holds a character that `ssh` cannot be told.
    pub(super) fn text(&self) -> Option<String> {
        let mut out = String::from(HEAD);
        if self.hosts.is_empty() {
            out.push_str("# No host is known yet.\n");
            return Some(out);
        }
        let hosts = self.hosts.join(",");
        let known = format!(
            "{} {}",
            quoted(self.own_known_hosts)?,
            quoted(self.known_hosts)?
        );
        let revoked = quoted(self.revoked_hosts)?;
        let certificates = expandable(self.certificates)?;
        let identity = format!("\"{}\"", expandable(self.identity)?);
        let agent = self
            .agent
            .map(expandable)
            .map_or(Some(None), |path| path.map(Some))?;
        let program = command(self.program);

        // Known by the name that was typed, or by the name that it stands for.
        for criterion in ["originalhost", "host"] {
            push(
                &mut out,
                format_args!(
                    "\nMatch {criterion} {hosts}\n    UserKnownHostsFile {known}\n    RevokedHostKeys {revoked}\n"
                ),
            );
        }
        let blocks = [
            (format!("host {hosts}"), "%h"),
            (format!("originalhost {hosts} !host {hosts}"), "%n"),
        ];
        for (criteria, token) in blocks {
            push(
                &mut out,
                format_args!(
                    "\nMatch final {criteria} exec \"{program} login --quiet --host '{token}' --user '%r'\"\n"
                ),
            );
            push(
                &mut out,
                format_args!("    CertificateFile \"{certificates}/%r@{token}-cert.pub\"\n"),
            );
            push(
                &mut out,
                format_args!("    IdentityFile {identity}\n    IdentitiesOnly yes\n"),
            );
            if let Some(agent) = &agent {
                push(&mut out, format_args!("    IdentityAgent \"{agent}\"\n"));
            }
        }
        Some(out)
    }
}

/// `existing`, the text of `~/.ssh/config`, with our Include line at its top; `None` when it stands already where
/// it holds for every host.
pub(super) fn with_include(existing: &str, include: &Path) -> Option<Option<String>> {
    let line = format!("Include {}", quoted(include)?);
    let before_first_block = existing.lines().map(str::trim).take_while(|line| {
        let word = line
            .split(|c: char| c.is_whitespace() || c == '=')
            .next()
            .unwrap_or_default();
        !word.eq_ignore_ascii_case("host") && !word.eq_ignore_ascii_case("match")
    });
    for present in before_first_block {
        if present == line {
            return Some(None);
        }
    }
    Some(Some(format!(
        "# daypass: certificates for the hosts that the CA knows\n{line}\n\n{existing}"
    )))
}

/// A path in double quotes. `None` for what quotes cannot hold, and for what an Include line would expand.
fn quoted(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    let safe = path.is_absolute()
        && !text.contains(|c: char| c.is_control() || "\"\\*?[]${}%".contains(c));
    safe.then(|| format!("\"{text}\""))
}

/// A path in a directive that expands `%` tokens.
fn expandable(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    let safe =
        path.is_absolute() && !text.contains(|c: char| c.is_control() || "\"\\${}".contains(c));
    safe.then(|| text.replace('%', "%%"))
}

/// How a shell calls `program`: its full path where that needs no quoting, so that it is found whatever `PATH` is.
fn command(program: &Path) -> &str {
    match program.to_str() {
        Some(text)
            if program.is_absolute()
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"/._+-".contains(&b)) =>
        {
            text
        }
        _ => "daypass",
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests;
