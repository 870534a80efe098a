//! Whether a file can be PAM's module. What PAM cannot load it passes over, without a word to whoever comes, where a stack
//! says `module_unknown=ignore`: such a file is as good as none.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::file_mark::FileMark;

/// More than any build of it has, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;
/// What PAM calls in it.
const CALLS: [&str; 5] = [
    "pam_sm_authenticate",
    "pam_sm_setcred",
    "pam_sm_acct_mgmt",
    "pam_sm_open_session",
    "pam_sm_close_session",
];
/// Bytes of an ELF header, at most.
const HEADER: usize = 64;
/// `ET_DYN`: a shared object.
const SHARED: u64 = 3;
/// `ELFCLASS64` and `ELFDATA2LSB`, in the fifth byte and the sixth.
const WIDE: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;

/// Files that were looked into, until they change.
#[derive(Debug, Default)]
pub(super) struct Modules {
    known: Mutex<BTreeMap<PathBuf, (FileMark, bool)>>,
}

impl Modules {
    /// Whether this file is one that PAM can load, as of now. One that could not be read is looked into again.
    pub(super) fn is_module(&self, path: &Path) -> bool {
        self.is_module_by(path, look)
    }

    fn is_module_by(&self, path: &Path, look: impl FnOnce(&Path) -> io::Result<bool>) -> bool {
        let Some(mark) = FileMark::of(path) else {
            return false;
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(path) {
            Some((then, is_module)) if *then == mark => *is_module,
            _ => {
                let Ok(is_module) = look(path) else {
                    return false;
                };
                known.insert(path.to_owned(), (mark, is_module));
                is_module
            }
        }
    }
}

fn look(path: &Path) -> io::Result<bool> {
    let mut object = Vec::new();
    File::open(path)?.take(LARGEST).read_to_end(&mut object)?;
    Ok(is_whole(&object, &own_header()?))
}

/// A shared object for the machine that the program with the header `own` runs on, to its end, with everything that PAM calls.
fn is_whole(object: &[u8], own: &[u8]) -> bool {
    // Magic, class, byte order and version; then the machine.
    let is_ours = object.get(..7) == own.get(..7) && object.get(18..20) == own.get(18..20);
    let number = |at: usize, width: usize| number(object, at, width).unwrap_or(u64::MAX);
    // The table of sections stands at the end: a file that was cut has none.
    let (sections, size, count) = match own.get(4) {
        Some(&WIDE) => (number(40, 8), number(58, 2), number(60, 2)),
        _ => (number(32, 4), number(46, 2), number(48, 2)),
    };
    let end = size
        .checked_mul(count)
        .and_then(|table| sections.checked_add(table));
    let holds = |name: &&str| {
        object
            .windows(name.len())
            .any(|part| part == name.as_bytes())
    };
    is_ours
        && number(16, 2) == SHARED
        && end.is_some_and(|end| end <= object.len() as u64)
        && CALLS.iter().all(holds)
}

/// A number of this many bytes in the byte order of the object.
fn number(object: &[u8], at: usize, width: usize) -> Option<u64> {
    let bytes = object.get(at..at + width)?.iter();
    let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    Some(match object.get(5) {
        Some(&LITTLE_ENDIAN) => bytes.rev().fold(0, add),
        _ => bytes.fold(0, add),
    })
}

fn own_header() -> io::Result<[u8; HEADER]> {
    let mut header = [0; HEADER];
    File::open("/proc/self/exe")?.read_exact(&mut header)?;
    Ok(header)
}

/// The least that is taken for a module.
#[cfg(test)]
pub(crate) fn sample() -> Vec<u8> {
    let mut object = own_header().unwrap().to_vec();
    object[16..18].copy_from_slice(&3_u16.to_ne_bytes());
    object[32..].fill(0);
    object.extend_from_slice(CALLS.join("\0").as_bytes());
    object
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn is_whole(object: &[u8]) -> bool {
        super::is_whole(object, &own_header().unwrap())
    }

    #[test]
    fn what_pam_cannot_load_is_no_module() {
        let module = sample();
        assert!(is_whole(&module));
        assert!(!is_whole(b""));
        assert!(!is_whole(&[0x5a; 100_000]));
        let changed = |at: usize, byte: u8| {
            let mut module = module.clone();
            module[at] = byte;
            module
        };
        for (at, byte, what) in [
            (0, 0, "magic"),
            (4, 3, "class"),
            (18, 0xee, "machine"),
            (16, 2, "a program"),
            (module.len() - 1, b'_', "a call less"),
        ] {
            assert!(!is_whole(&changed(at, byte)), "{what}");
        }
        for length in 0..module.len() {
            assert!(!is_whole(&module[..length]), "{length}");
        }
    }

    #[test]
    fn a_module_whose_sections_are_cut_off_is_none() {
        let mut module = sample();
        let (at, size, count) = if module[4] == WIDE {
            (40, 58, 60)
        } else {
            (32, 46, 48)
        };
        let sections = (module.len() as u16).to_ne_bytes();
        module[at..at + 2].copy_from_slice(&sections);
        module[size..size + 2].copy_from_slice(&64_u16.to_ne_bytes());
        module[count..count + 2].copy_from_slice(&2_u16.to_ne_bytes());
        let end = module.len() + 128;
        module.resize(end, 0);
        assert!(is_whole(&module));
        assert!(!is_whole(&module[..end - 1]));
    }

    #[test]
    fn a_file_that_could_not_be_read_is_looked_into_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pam_daypass.so");
        fs::write(&path, sample()).unwrap();
        let modules = Modules::default();
        let out_of_descriptors = |_: &Path| Err(io::Error::from_raw_os_error(libc::EMFILE));
        assert!(!modules.is_module_by(&path, out_of_descriptors));
        assert!(modules.is_module(&path));
        // What is known needs no descriptor.
        assert!(modules.is_module_by(&path, out_of_descriptors));
    }

    #[test]
    fn a_file_is_looked_into_again_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pam_daypass.so");
        let modules = Modules::default();
        assert!(!modules.is_module(&path));
        fs::write(&path, sample()).unwrap();
        assert!(modules.is_module(&path) && modules.is_module(&path));
        fs::write(&path, "another").unwrap();
        assert!(!modules.is_module(&path));
        fs::remove_file(&path).unwrap();
        assert!(!modules.is_module(&path));
    }
}
