//! A journal as others publish logs: a tree of files by C2SP tlog-tiles.
//!
//! | file | content |
//! |---|---|
//! | `checkpoint` | the latest checkpoint that a witness cosigned, else the latest seal |
//! | `tile/L/N`, `tile/L/N.p/W` | 256 or W hashes of level 8·L |
//! | `tile/entries/N`, `tile/entries/N.p/W` | as many entries, each after its length (two bytes, big-endian) |
//!
//! An erased or retired entry has a hash, but no bytes: the bundle that it would stand in is left out.

use std::fs;
use std::path::{Path, PathBuf};

use crate::durable::{Action, failed};
use crate::error::Error;
use crate::proof::source::{self, Leaf};
use crate::tree::{Frontier, Hash};

/// Hashes in a tile, entries in a bundle.
const WIDTH: usize = 256;

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// How many entries the checkpoint is over.
    pub size: u64,
    /// How many tiles of hashes.
    pub tiles: u64,
    /// How many bundles of entries.
    pub bundles: u64,
    /// The bundles that were left out, because an entry in them is erased or retired.
    pub left_out: Vec<u64>,
}

/// Writes the journal in `dir` as tiles to `out`, which must be empty or not there yet. Checks
/// nothing: tiles of a damaged journal do not lead to its checkpoint.
///
/// # Errors
///
/// [`Error::NotEmpty`], [`Error::NotSealed`] when nothing is sealed, else what the disk refused.
pub fn export(dir: &Path, out: &Path) -> Result<Exported, Error> {
    let checkpoints = source::checkpoints(dir)?;
    let checkpoint = checkpoints.over(0).ok_or(Error::NotSealed { seq: 0 })?;
    make_empty(out)?;
    let mut tree = Tiles {
        out,
        levels: Vec::new(),
        bundle: Bundle::default(),
        exported: Exported {
            size: checkpoint.size,
            ..Exported::default()
        },
    };
    for leaf in source::leaves(dir)? {
        let (seq, leaf) = leaf?;
        if seq < checkpoint.size {
            tree.entry(&leaf)?;
        }
    }
    let exported = tree.finish()?;
    // Last: where it is, everything that it needs is.
    write(out, "checkpoint", checkpoint.note.as_bytes())?;
    Ok(exported)
}

/// A level of the tree: the tile that is being filled.
#[derive(Default)]
struct Level {
    hashes: Vec<Hash>,
    number: u64,
}

/// The bundle that is being filled.
#[derive(Default)]
struct Bundle {
    bytes: Vec<u8>,
    entries: usize,
    number: u64,
    has_gap: bool,
}

struct Tiles<'a> {
    out: &'a Path,
    levels: Vec<Level>,
    bundle: Bundle,
    exported: Exported,
}

impl Tiles<'_> {
    fn entry(&mut self, leaf: &Leaf) -> Result<(), Error> {
        match leaf {
            Leaf::Entry(bytes) => match u16::try_from(bytes.len()) {
                Ok(length) => {
                    self.bundle.bytes.extend_from_slice(&length.to_be_bytes());
                    self.bundle.bytes.extend_from_slice(bytes);
                }
                // No entry of a journal is so long.
                Err(_) => self.bundle.has_gap = true,
            },
            Leaf::Hash(_) => self.bundle.has_gap = true,
        }
        self.bundle.entries += 1;
        if self.bundle.entries == WIDTH {
            self.end_bundle()?;
        }
        self.hash(0, leaf.hash())
    }

    fn hash(&mut self, level: usize, hash: Hash) -> Result<(), Error> {
        if self.levels.len() == level {
            self.levels.push(Level::default());
        }
        let filling = &mut self.levels[level];
        filling.hashes.push(hash);
        if filling.hashes.len() < WIDTH {
            return Ok(());
        }
        let mut above = Frontier::default();
        filling.hashes.iter().for_each(|hash| above.push(*hash));
        self.end_tile(level)?;
        // Only a full tile has a hash in the level above.
        self.hash(level + 1, above.root())
    }

    fn end_tile(&mut self, level: usize) -> Result<(), Error> {
        let Level { hashes, number } = &mut self.levels[level];
        let path = format!("tile/{level}/{}", place(*number, hashes.len()));
        write(self.out, &path, hashes.as_flattened())?;
        hashes.clear();
        *number += 1;
        self.exported.tiles += 1;
        Ok(())
    }

    fn end_bundle(&mut self) -> Result<(), Error> {
        let Bundle {
            bytes,
            entries,
            number,
            has_gap,
        } = std::mem::take(&mut self.bundle);
        if has_gap {
            self.exported.left_out.push(number);
        } else {
            let path = format!("tile/entries/{}", place(number, entries));
            write(self.out, &path, &bytes)?;
            self.exported.bundles += 1;
        }
        self.bundle.number = number + 1;
        Ok(())
    }

    fn finish(mut self) -> Result<Exported, Error> {
        for level in 0..self.levels.len() {
            if !self.levels[level].hashes.is_empty() {
                self.end_tile(level)?;
            }
        }
        if self.bundle.entries > 0 {
            self.end_bundle()?;
        }
        Ok(self.exported)
    }
}

/// `x001/x234/067`, and `.p/W` behind it when it is not full.
fn place(number: u64, width: usize) -> String {
    let mut path = format!("{:03}", number % 1000);
    let mut rest = number / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    if width < WIDTH {
        path = format!("{path}.p/{width}");
    }
    path
}

fn make_empty(out: &Path) -> Result<(), Error> {
    fs::create_dir_all(out).map_err(failed(Action::MakeDirectory, out))?;
    let mut files = fs::read_dir(out).map_err(failed(Action::List, out))?;
    match files.next() {
        None => Ok(()),
        Some(_) => Err(Error::NotEmpty {
            dir: out.to_owned(),
        }),
    }
}

fn write(out: &Path, path: &str, bytes: &[u8]) -> Result<(), Error> {
    let path: PathBuf = out.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed(Action::MakeDirectory, parent))?;
    }
    fs::write(&path, bytes).map_err(failed(Action::Write, &path))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_specification() {
        assert_eq!(place(1_234_067, 256), "x001/x234/067");
        assert_eq!(place(0, 1), "000.p/1");
        assert_eq!(place(1000, 255), "x001/000.p/255");
    }
}
