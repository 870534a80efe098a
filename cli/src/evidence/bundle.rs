//! The bundle as a file: a tar archive that any `tar` unpacks, in the one form that we write.
//!
//! Reading is strict and bounded: regular files only, in the order of their names, names of a fixed grammar, and
//! nothing in the archive that we would have written differently. So no byte of it is without a meaning, and nothing
//! is ever unpacked to a path that the archive chose.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use daypass_journal::blob::BLOB_LIMIT;
use daypass_protocol::digest::Digest;
use tar::{Archive, Builder, EntryType, Header};

use super::fault::{Damage, Fault};
use super::part::Part;
use crate::diagnostic::Failure;
use crate::diagnostic::evidence::EvidenceError;

/// The largest bundle, bytes.
pub const LARGEST: usize = 256 * 1024 * 1024;
/// Parts in one bundle, at most.
pub const MOST_PARTS: usize = 400_000;
/// The largest part, bytes: a roster of the largest size.
pub const LARGEST_PART: usize = 512 * 1024;
/// How a part's name begins that may be larger.
const TEXTS: &str = "texts/";

/// The parts of a bundle by name, the sums not among them: those follow from the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundle {
    parts: BTreeMap<Part, Vec<u8>>,
}

impl Bundle {
    /// Puts a part in.
    pub(super) fn put(&mut self, part: Part, bytes: impl Into<Vec<u8>>) {
        self.parts.insert(part, bytes.into());
    }

    /// A part's bytes.
    pub(super) fn bytes(&self, part: &Part) -> Option<&[u8]> {
        self.parts.get(part).map(Vec::as_slice)
    }

    /// All parts.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&Part, &[u8])> {
        self.parts
            .iter()
            .map(|(part, bytes)| (part, bytes.as_slice()))
    }

    /// The parts in the order of their names.
    fn by_name(&self) -> BTreeMap<String, &[u8]> {
        self.parts()
            .map(|(part, bytes)| (part.to_string(), bytes))
            .collect()
    }

    /// What `sha256sum` would print for the parts.
    fn sums(&self) -> String {
        self.by_name()
            .iter()
            .fold(String::new(), |mut sums, (name, bytes)| {
                // Writing to a String cannot fail.
                let _ = writeln!(sums, "{}  {name}", Digest::of(bytes));
                sums
            })
    }

    /// The archive's bytes, always the same for the same parts.
    ///
    /// # Errors
    /// More than a bundle may hold.
    pub fn to_archive(&self) -> Result<Vec<u8>, EvidenceError> {
        let sums = self.sums();
        let size: usize = self.parts.values().map(|bytes| bytes.len() + 1024).sum();
        if size + sums.len() > LARGEST || self.parts.len() >= MOST_PARTS {
            return Err(EvidenceError::TooMuch {
                bytes: size,
                bound: LARGEST,
            });
        }
        let mut archive = Builder::new(Vec::with_capacity(size));
        let mut named = self.by_name();
        named.insert(Part::SUMS.to_owned(), sums.as_bytes());
        for (name, bytes) in named {
            let mut header = Header::new_ustar();
            header.set_path(&name).map_err(EvidenceError::Archive)?;
            header.set_entry_type(EntryType::Regular);
            header.set_mode(0o644);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(0);
            header.set_size(bytes.len() as u64);
            header.set_cksum();
            archive
                .append(&header, bytes)
                .map_err(EvidenceError::Archive)?;
        }
        archive.into_inner().map_err(EvidenceError::Archive)
    }

    /// Takes an archive apart.
    ///
    /// # Errors
    /// Where and why it is no bundle, or not as it was written: the first such place, but for sums that do not fit,
    /// of which all are named.
    pub fn parse(archive: &[u8]) -> Result<Self, Vec<Fault>> {
        if archive.len() > LARGEST {
            return Err(vec![Fault::of_bundle(Damage::TooLarge { bound: LARGEST })]);
        }
        let (bundle, sums) = take_apart(archive).map_err(|fault| vec![fault])?;
        bundle.check_sums(&sums)?;
        // Whatever is left that could differ: the headers and the padding.
        let again = bundle
            .to_archive()
            .map_err(|_| vec![Fault::of_bundle(Damage::TooLarge { bound: LARGEST })])?;
        let differs = again
            .iter()
            .zip(archive)
            .position(|(ours, theirs)| ours != theirs);
        let length = (again.len() != archive.len()).then(|| again.len().min(archive.len()));
        match differs.or(length) {
            None => Ok(bundle),
            Some(offset) => Err(vec![bundle.fault_at(offset)]),
        }
    }

    /// Reads a bundle's file.
    pub(super) fn read(path: &Path) -> Result<Result<Self, Vec<Fault>>, Failure> {
        let unreadable = |source| Failure::CannotRead {
            path: path.to_owned(),
            source,
        };
        let mut archive = Vec::new();
        File::open(path)
            .map_err(unreadable)?
            .take(LARGEST as u64 + 1)
            .read_to_end(&mut archive)
            .map_err(unreadable)?;
        Ok(Self::parse(&archive))
    }

    fn check_sums(&self, sums: &[u8]) -> Result<(), Vec<Fault>> {
        let expected = self.sums();
        if sums == expected.as_bytes() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(sums);
        let said: BTreeMap<&str, &str> = said
            .lines()
            .filter_map(|line| line.split_once("  "))
            .map(|(hash, name)| (name, hash))
            .collect();
        let mut faults: Vec<Fault> = Vec::new();
        for line in expected.lines() {
            let Some((hash, name)) = line.split_once("  ") else {
                continue;
            };
            match said.get(name) {
                Some(said) if *said == hash => {}
                Some(_) => faults.push(Fault::new(name, Damage::Sum)),
                None => faults.push(Fault::new(name, Damage::NoSum)),
            }
        }
        if faults.is_empty() {
            faults.push(Fault::new(&Part::SUMS, Damage::Sums));
        }
        Err(faults)
    }

    /// Names the part in whose header or padding an offset lies.
    fn fault_at(&self, offset: usize) -> Fault {
        let sums = self.sums();
        let mut named = self.by_name();
        named.insert(Part::SUMS.to_owned(), sums.as_bytes());
        let mut end = 0;
        for (name, bytes) in named {
            end += BLOCK + bytes.len().next_multiple_of(BLOCK);
            if offset < end {
                return Fault::new(&name, Damage::Form { offset });
            }
        }
        Fault::of_bundle(Damage::Form { offset })
    }
}

/// The unit of tar archives, bytes.
const BLOCK: usize = 512;

fn take_apart(archive: &[u8]) -> Result<(Bundle, Vec<u8>), Fault> {
    let mut bundle = Bundle::default();
    let mut sums = None;
    let mut last = String::new();
    let mut reader = Archive::new(archive);
    let broken = |after: &str| {
        let after = after.to_owned();
        move |error: std::io::Error| {
            Fault::of_bundle(Damage::Archive {
                after,
                reason: error.to_string(),
            })
        }
    };
    // Raw: no long names, no sparse files, no attributes; each header stands for itself.
    let entries = reader.entries().map_err(broken(&last))?.raw(true);
    for entry in entries {
        let mut entry = entry.map_err(broken(&last))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type() != EntryType::Regular || entry.header().as_ustar().is_none()
        {
            return Err(Fault::new(&name, Damage::NotAFile));
        }
        if name <= last {
            return Err(Fault::new(&name, Damage::OutOfOrder));
        }
        let bound = match name.starts_with(TEXTS) {
            true => BLOB_LIMIT,
            false => LARGEST_PART,
        };
        if entry.size() > bound as u64 && name != Part::SUMS {
            return Err(Fault::new(&name, Damage::TooLarge { bound }));
        }
        if bundle.parts.len() >= MOST_PARTS {
            return Err(Fault::of_bundle(Damage::TooMany { bound: MOST_PARTS }));
        }
        let mut bytes = Vec::new();
        // The size is the header's word; what is there bounds what is read.
        entry.read_to_end(&mut bytes).map_err(broken(&last))?;
        if bytes.len() as u64 != entry.size() {
            return Err(Fault::new(&name, Damage::CutOff));
        }
        if name == Part::SUMS {
            sums = Some(bytes);
        } else {
            let part: Part = name
                .parse()
                .map_err(|_| Fault::new(name.as_str(), Damage::UnknownPart))?;
            bundle.put(part, bytes);
        }
        last = name;
    }
    match sums {
        Some(sums) => Ok((bundle, sums)),
        None => Err(Fault::of_bundle(Damage::Missing {
            part: Part::SUMS.to_owned(),
        })),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example() -> Bundle {
        let mut bundle = Bundle::default();
        bundle.put(Part::Readme, "hello\n");
        bundle.put(Part::Roster { number: 1 }, "x".repeat(700));
        bundle.put(
            Part::RosterSignature {
                number: 1,
                signature: 1,
            },
            "",
        );
        bundle
    }

    fn archive_of(files: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (name, kind, bytes) in files {
            let mut header = Header::new_ustar();
            // Written as it is: the crate's own setter refuses what an attacker would not.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(0);
            header.set_uid(0);
            header.set_gid(0);
            header.set_cksum();
            builder.append(&header, *bytes).expect("appended");
        }
        builder.into_inner().expect("an archive")
    }

    fn said(archive: &[u8]) -> String {
        let faults = Bundle::parse(archive).expect_err("refused");
        faults
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn a_bundle_goes_there_and_back_and_is_always_the_same() {
        let archive = example().to_archive().expect("an archive");
        assert_eq!(Bundle::parse(&archive), Ok(example()));
        assert_eq!(example().to_archive().expect("an archive"), archive);
    }

    #[test]
    fn every_changed_byte_is_found() {
        let archive = example().to_archive().expect("an archive");
        for at in 0..archive.len() {
            let mut changed = archive.clone();
            changed[at] ^= 1;
            assert!(Bundle::parse(&changed).is_err(), "byte {at}");
        }
        for length in [0, 1, 511, 512, 1024, archive.len() - 1, archive.len() - 512] {
            assert!(Bundle::parse(&archive[..length]).is_err(), "{length} bytes");
        }
        let longer = [&archive[..], &[0; 512]].concat();
        assert!(Bundle::parse(&longer).is_err());
    }

    #[test]
    fn the_part_whose_byte_changed_is_named() {
        let archive = example().to_archive().expect("an archive");
        let at = archive
            .windows(9)
            .position(|bytes| bytes == b"xxxxxxxxx")
            .expect("there");
        let mut changed = archive;
        changed[at] = b'y';
        assert!(
            said(&changed).contains("rosters/1.json"),
            "{}",
            said(&changed)
        );
    }

    #[test]
    fn hostile_archives_are_refused() {
        let file = EntryType::Regular;
        for (files, word) in [
            (
                &[("../../etc/passwd", file, &b"x"[..])][..],
                "no part of a bundle",
            ),
            (&[("/etc/passwd", file, b"x")], "no part of a bundle"),
            (
                &[("rosters/1.json", EntryType::Symlink, b"")],
                "no regular file",
            ),
            (
                &[("rosters/1.json", EntryType::XHeader, b"x")],
                "no regular file",
            ),
            (
                &[("rosters/1.json", EntryType::GNULongName, b"x")],
                "no regular file",
            ),
            (
                &[("rosters/1.json", EntryType::GNUSparse, b"x")],
                "no regular file",
            ),
            (
                &[("README.md", file, b"a"), ("README.md", file, b"b")],
                "order",
            ),
            (
                &[("rosters/1.json", file, b"a"), ("README.md", file, b"b")],
                "order",
            ),
            (&[("README.md", file, b"a")], "SHA256SUMS"),
        ] {
            let said = said(&archive_of(files));
            assert!(said.contains(word), "{word} is missing in: {said}");
        }
    }

    #[test]
    fn a_part_that_claims_to_be_huge_is_refused_before_it_is_read() {
        let mut archive = archive_of(&[("README.md", EntryType::Regular, b"a")]);
        let mut header = Header::new_ustar();
        header.set_path("README.md").expect("a path");
        header.set_size(1 << 33);
        header.set_cksum();
        archive[..512].copy_from_slice(header.as_bytes());
        assert!(Bundle::parse(&archive).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in any::<Vec<u8>>(), at in 0_usize..3000, byte in any::<u8>()) {
            let _ = Bundle::parse(&bytes);
            let mut archive = example().to_archive().expect("an archive");
            let at = at % archive.len();
            archive[at] = byte;
            let _ = Bundle::parse(&archive);
        }
    }
}
