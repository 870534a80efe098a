//! What the chores tell the person who called them: all output goes through here.

use std::fmt::Display;
use std::io::Write;

/// A step begins.
pub(crate) fn step(text: impl Display) {
    line(&mut std::io::stderr(), format_args!("==> {text}"));
}

/// Something worth knowing on the way.
pub(crate) fn note(text: impl Display) {
    line(&mut std::io::stderr(), format_args!("    {text}"));
}

/// Why the chore failed.
pub(crate) fn failure(error: impl Display) {
    line(&mut std::io::stderr(), format_args!("xtask: {error}"));
}

/// A result, on standard output.
pub(crate) fn text(text: impl Display) {
    line(&mut std::io::stdout(), format_args!("{text}"));
}

/// Nobody reading is no reason to stop.
fn line(to: &mut dyn Write, text: std::fmt::Arguments<'_>) {
    let _ = writeln!(to, "{text}");
}
