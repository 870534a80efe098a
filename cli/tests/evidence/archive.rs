//! A bundle's files, to be changed as whoever tampers would: sums and archive made anew.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use tar::{Archive, Builder, EntryType, Header};

pub(crate) struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    pub(crate) fn of(archive: &[u8]) -> Self {
        let mut files = BTreeMap::new();
        for entry in Archive::new(archive).entries().expect("an archive") {
            let mut entry = entry.expect("a file");
            let name = entry
                .path()
                .expect("a name")
                .to_str()
                .expect("text")
                .to_owned();
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).expect("read");
            files.insert(name, bytes);
        }
        Self(files)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// Where each file's bytes stand in the archive, and how many there are.
    pub(crate) fn places(&self) -> Vec<(String, (usize, usize))> {
        let mut at = 0;
        let place = |(name, bytes): (&String, &Vec<u8>)| {
            let start = at + 512;
            at = start + bytes.len().next_multiple_of(512);
            (name.clone(), (start, bytes.len()))
        };
        self.0.iter().map(place).collect()
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        self.0[name].clone()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(&self.0[name]).into_owned()
    }

    pub(crate) fn change(&mut self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        change(self.0.get_mut(name).expect("a file"));
    }

    pub(crate) fn replace(&mut self, name: &str, from: &str, to: &str) {
        let text = self.text(name);
        assert!(text.contains(from), "{from} in {text}");
        self.add(name, text.replace(from, to).as_bytes());
    }

    pub(crate) fn add(&mut self, name: &str, bytes: &[u8]) {
        self.0.insert(name.to_owned(), bytes.to_vec());
    }

    pub(crate) fn remove(&mut self, name: &str) {
        assert!(self.0.remove(name).is_some(), "{name}");
    }

    /// The archive, with sums that fit.
    pub(crate) fn archive(&self) -> Vec<u8> {
        let mut files = self.0.clone();
        files.remove("SHA256SUMS");
        let sum = |(name, bytes): (&String, &Vec<u8>)| {
            let hex: String = Sha256::digest(bytes)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            format!("{hex}  {name}\n")
        };
        let sums: String = files.iter().map(sum).collect();
        files.insert("SHA256SUMS".to_owned(), sums.into_bytes());
        let mut builder = Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = Header::new_ustar();
            header.set_path(&name).expect("a name");
            header.set_entry_type(EntryType::Regular);
            header.set_mode(0o644);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(0);
            header.set_size(bytes.len() as u64);
            header.set_cksum();
            builder.append(&header, &bytes[..]).expect("appended");
        }
        builder.into_inner().expect("an archive")
    }
}
