//! Cosignatures of witnesses (C2SP tlog-cosignature, Ed25519).

use crate::note::{KeyKind, Note, NoteSignature, VerifierKey};
use crate::seal::Checkpoint;

/// What a witness says on one line of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cosignature {
    /// The witness's name.
    pub(crate) witness: String,
    /// When it saw the checkpoint as the latest, in seconds since the epoch.
    pub(crate) time: u64,
    /// The signature line, newline included.
    pub(crate) line: String,
}

/// A checkpoint with what is written below it, not believed yet.
pub(crate) struct Cosigned<'a> {
    pub(crate) checkpoint: Checkpoint,
    note: Note<'a>,
}

/// A known witness's signature that is false.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct False;

impl<'a> Cosigned<'a> {
    /// Takes a signed checkpoint apart; `None` when it is none.
    pub(crate) fn parse(note: &'a str) -> Option<Self> {
        let note = Note::parse(note)?;
        Some(Self {
            checkpoint: Checkpoint::parse(note.text)?,
            note,
        })
    }

    /// What `witness` says about it, if anything.
    pub(crate) fn by(&self, witness: &VerifierKey) -> Result<Option<Cosignature>, False> {
        if witness.kind() != KeyKind::Cosignature {
            return Ok(None);
        }
        let Some(line) = self.line_of(witness) else {
            return Ok(None);
        };
        let (time, signature) = line.bytes.split_first_chunk::<8>().ok_or(False)?;
        let signature = signature.try_into().map_err(|_| False)?;
        let time = u64::from_be_bytes(*time);
        if !witness.signed(&signed_text(time, self.note.text), signature) {
            return Err(False);
        }
        Ok(Some(Cosignature {
            witness: witness.name().to_owned(),
            time,
            line: witness.signature_line(&line.bytes),
        }))
    }

    /// Whether the log itself signed it.
    pub(crate) fn is_signed_by_log(&self, log: &VerifierKey) -> bool {
        let text = self.note.text.as_bytes();
        self.line_of(log)
            .and_then(|line| line.bytes[..].try_into().ok())
            .is_some_and(|signature| log.signed(text, signature))
    }

    fn line_of(&self, key: &VerifierKey) -> Option<&NoteSignature<'_>> {
        let mut lines = self.note.signatures.iter();
        lines.find(|line| line.is_named_by(key))
    }
}

/// What a witness signs: a header, the time and the whole text of the checkpoint.
pub(crate) fn signed_text(time: u64, text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with the Go reference implementation and published in C2SP's tlog-cosignature.
    const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        \u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

    #[test]
    fn the_published_example_is_read() {
        let cosigned = Cosigned::parse(EXAMPLE).unwrap();
        assert_eq!(cosigned.checkpoint.size, 20_852_163);
        let line = &cosigned.note.signatures[1];
        assert_eq!(line.name, "witness.example.com/w1");
        let time = u64::from_be_bytes(line.bytes[..8].try_into().unwrap());
        // The time that the specification shows beside it.
        assert_eq!(time, 1_679_315_147);
    }

    #[test]
    fn the_signed_text_is_that_of_the_specification() {
        let text = "example.com/behind-the-sofa\n20852163\nCsUY\n";
        assert_eq!(
            signed_text(1_679_315_147, text),
            b"cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\nCsUY\n"
        );
    }
}
