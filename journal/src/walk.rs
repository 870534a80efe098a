//! Feeds the lines of a journal's directory to a [`Chain`], and tells what a crash left from what
//! somebody changed.
//!
//! A batch is one `write` after the batch before was on disk. So a crash leaves the beginning of a
//! batch: whole lines and at most one without its newline, or blocks that were never written (NUL
//! bytes). It never leaves a seal behind something unreadable, nor unreadable text with a newline.

use std::path::Path;

use crate::chain::{Broken, Cause, Chain};
use crate::entry::Head;
use crate::error::Error;
use crate::seal::{self, Kind};
use crate::segment::{self, Lines, Name, READ_LIMIT, RawLine, Tail};

/// Watches the lines go by.
pub(crate) trait Observer {
    /// An entry that fits the chain, which has taken it in; not yet sealed.
    fn entry(&mut self, head: &Head<'_>, chain: &Chain) -> Result<(), Broken> {
        let _ = (head, chain);
        Ok(())
    }

    /// A witness line.
    fn witness(&mut self, note: &str, chain: &Chain) -> Result<(), Broken> {
        let _ = (note, chain);
        Ok(())
    }

    /// So many bytes were read since the last call.
    fn progress(&mut self, bytes: u64) {
        let _ = bytes;
    }
}

/// Watches nothing.
impl Observer for () {}

/// Where the walk ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The last segment and its length in bytes; `None` in an empty directory.
    pub(crate) last: Option<(Name, u64)>,
}

/// Walks all segments. An unsealed end shows in [`Chain::interruptions`].
pub(crate) fn walk(
    dir: &Path,
    chain: &mut Chain,
    observer: &mut impl Observer,
) -> Result<End, Error> {
    let end = walk_segments(dir, chain, observer);
    // A false signature stands before whatever else was found.
    chain.check_signatures()?;
    end
}

fn walk_segments(
    dir: &Path,
    chain: &mut Chain,
    observer: &mut impl Observer,
) -> Result<End, Error> {
    let mut last = None;
    for (name, path) in segment::list(dir)? {
        chain.segment(name.first)?;
        let length = walk_segment(&path, name, chain, observer)?;
        last = Some((name, length));
    }
    chain.finish()?;
    Ok(End { last })
}

fn walk_segment(
    path: &Path,
    name: Name,
    chain: &mut Chain,
    observer: &mut impl Observer,
) -> Result<u64, Error> {
    let mut lines = Lines::open(path)?;
    let mut end = 0;
    // Of a retired segment's torn end, the measure is left: its last line.
    let (mut is_retired, mut torn_once) = (false, None);
    while let Some(line) = lines.next()? {
        let fed = match torn_once {
            None => feed(&line, chain, observer)?,
            Some(_) => return Err(chain.broken_here(Cause::Line).into()),
        };
        match fed {
            Fed::Taken => {}
            Fed::Retired => is_retired = true,
            Fed::Torn(tail) if is_retired => torn_once = Some(tail),
            Fed::Torn(_) => return Err(chain.broken_here(Cause::Line).into()),
            Fed::Unreadable => {
                let shaped = could_be_torn(&line, chain);
                if !shaped || seal_follows(&mut lines, chain)? {
                    return Err(chain.broken_here(Cause::Line).into());
                }
                break;
            }
        }
        let length = line.bytes.len() as u64 + 1;
        end = line.offset + length;
        observer.progress(length);
    }
    let torn = Tail::of(path, end)?;
    let length = end + torn.length;
    chain.segment_end(&name.to_string(), torn_once.unwrap_or(torn));
    Ok(length)
}

/// What became of a line.
enum Fed {
    Taken,
    /// Retired entries, taken.
    Retired,
    /// The measure of a torn end.
    Torn(Tail),
    /// It cannot be read as one of a journal.
    Unreadable,
}

/// Feeds one line.
fn feed(
    line: &RawLine<'_>,
    chain: &mut Chain,
    observer: &mut impl Observer,
) -> Result<Fed, Broken> {
    if !line.ended {
        return Ok(Fed::Unreadable);
    }
    match seal::kind(line.bytes) {
        Kind::Entry => {
            let Some(head) = Head::parse(line.bytes) else {
                return Ok(Fed::Unreadable);
            };
            chain.entry(line.bytes, &head)?;
            observer.entry(&head, chain)?;
        }
        Kind::Seal(note) => chain.seal(&note)?,
        Kind::Witness(note) => observer.witness(&note, chain)?,
        Kind::Erased(erased) => chain.erased(&erased)?,
        Kind::Retired(retired) => {
            chain.retired(&retired)?;
            return Ok(Fed::Retired);
        }
        Kind::Torn(tail) => return Ok(Fed::Torn(tail)),
        Kind::Unknown => return Ok(Fed::Unreadable),
    }
    Ok(Fed::Taken)
}

/// Whether a crash can leave such a line at the end of what was written.
fn could_be_torn(line: &RawLine<'_>, chain: &Chain) -> bool {
    if line.bytes.contains(&0) {
        return true;
    }
    let is_at_end = !line.ended && (line.bytes.len() as u64) < READ_LIMIT;
    is_at_end && !is_seal_with_altered_newline(line.bytes, chain)
}

fn is_seal_with_altered_newline(bytes: &[u8], chain: &Chain) -> bool {
    let Some((_, line)) = bytes.split_last() else {
        return false;
    };
    matches!(seal::kind(line), Kind::Seal(note) if chain.is_later_seal(&note))
}

fn seal_follows(lines: &mut Lines, chain: &Chain) -> Result<bool, Error> {
    while let Some(line) = lines.next()? {
        if matches!(seal::kind(line.bytes), Kind::Seal(note) if chain.is_later_seal(&note)) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chain::Check;
    use crate::note::{Note, SignerKey, VerifierKey};
    use crate::proof::Proof;
    use crate::seal::epoch_key_name;
    use crate::trust::Trust;

    /// Lines that resemble those of a journal, and others.
    fn lines() -> impl Strategy<Value = Vec<u8>> {
        let line = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            r#"\{"seq":[0-9]{1,3},"time":"[0-9T:.Z-]{27}","boot":"[0-9a-f]{32}","mono":[0-9]{1,3},"salt":"[0-9a-f]{32}"(,"action":"journal\.(open|epoch|close)","detail":\{\})?\}"#
                .prop_map(String::into_bytes),
            r#"\{"(seal|witness)":"o(\\n){1,2}[0-9]{1,2}\\n[A-Za-z0-9+/=]{0,44}(\\n){1,2}(— o [A-Z=]{0,9}\\n){0,3}"\}"#
                .prop_map(String::into_bytes),
            r#"\{"erased":[0-9]{1,2},"leaf":"[A-Za-z0-9+/]{43}=" {0,9}\}"#
                .prop_map(String::into_bytes),
        ];
        prop::collection::vec(line, 0..8).prop_map(|lines| lines.join(&b'\n'))
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_walk_panic_or_prove_anything(bytes in lines()) {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join(Name::new(0).to_string()), &bytes).unwrap();
            let key = |name: &str| SignerKey::generate(name).unwrap().public().clone();
            let mut chain = Chain::new(key("o"), key(&epoch_key_name("o", 0)), Check::Signatures);
            let _ = walk(dir.path(), &mut chain, &mut ());
            prop_assert_eq!(chain.sealed(), 0);
        }

        #[test]
        fn no_text_makes_a_parser_panic(text in "(\\PC|\n|[—+/= A-Za-z0-9]){0,80}") {
            let _ = Note::parse(&text);
            let _ = text.parse::<VerifierKey>();
            let _ = text.parse::<Proof>();
            let _ = format!("c2sp.org/tlog-proof@v1\nindex {text}").parse::<Proof>();
            let _ = Trust::parse(&text);
        }
    }
}
