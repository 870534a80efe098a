//! A CA whose machine is lost, and that is restored from a backup.

use std::fs::File;
use std::path::Path;

use daypass_ca::authority::Authority;
use daypass_ca::restore::{self, Restored};

use super::House;

impl House {
    /// Puts the backup in the place of the CA.
    pub(crate) fn replace_by(&mut self, backup: &Path) -> Restored {
        self.crash();
        let lost = self.directory.path().join("lost");
        std::fs::create_dir(&lost).unwrap();
        for entry in std::fs::read_dir(self.directory.path()).unwrap() {
            let path = entry.unwrap().path();
            if path != lost && path != backup {
                std::fs::rename(&path, lost.join(path.file_name().unwrap())).unwrap();
            }
        }
        let file = File::open(backup).unwrap();
        let now = Authority::system_clock()();
        let restored = restore::unpack(&file, backup, &self.layout(), now).unwrap();
        std::fs::remove_dir_all(lost).unwrap();
        self.start();
        restored
    }
}
