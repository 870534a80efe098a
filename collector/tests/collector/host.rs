//! A host with a journal of its own.

use std::path::Path;

use daypass_journal::writer::{Options, Writer};
use daypass_protocol::enrolment::SignedRecord;
use daypass_transport::client::{Error, Request};
use serde_json::Value;

use crate::site::Site;

/// A host: its journal, its record, its certificate.
pub(crate) struct Host {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) origin: String,
    pub(crate) record: SignedRecord,
    pub(crate) identity: (String, String),
}

impl Host {
    pub(crate) fn path(&self) -> String {
        format!("/v1/logs/{}", self.origin.replace('/', "%2F"))
    }

    pub(crate) fn register(&self, site: &Site) -> Result<Value, Error> {
        let body = serde_json::to_vec(&self.record).unwrap();
        site.client(Some(&self.identity))
            .call(&Request::put(&self.path(), &body))
    }

    pub(crate) fn writer(&self) -> Writer {
        let journal = self.dir.path().join("journal");
        Writer::open(&journal, &self.dir.path().join("keys"), Options::default())
            .unwrap()
            .0
    }

    /// Appends events and closes again.
    pub(crate) fn write(&self, events: &[Value]) {
        let writer = self.writer();
        for event in events {
            writer.append(event).unwrap();
        }
        writer.close().unwrap();
    }

    /// All lines of the journal from entry `from` on, as an agent sends them.
    pub(crate) fn lines(&self, from: u64) -> Vec<u8> {
        let mut body = Vec::new();
        let mut paths: Vec<_> = std::fs::read_dir(self.dir.path().join("journal"))
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "jsonl")
            })
            .collect();
        paths.sort();
        for path in paths {
            body.extend(std::fs::read(path).unwrap());
        }
        let start = format!("{{\"seq\":{from},");
        let at = body
            .windows(start.len())
            .position(|window| window == start.as_bytes());
        body.split_off(at.unwrap_or(body.len()))
    }

    /// Sends these lines as those from entry `from` on.
    pub(crate) fn send(&self, site: &Site, from: u64, lines: &[u8]) -> Result<Value, Error> {
        let path = format!("{}/lines?from={from}", self.path());
        site.client(Some(&self.identity))
            .call(&Request::post(&path, lines))
    }

    /// Sends everything from entry `from` on.
    pub(crate) fn forward(&self, site: &Site, from: u64) -> Value {
        self.send(site, from, &self.lines(from)).unwrap()
    }

    /// Another machine with the same keys and journal, as of now.
    pub(crate) fn clone_machine(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(self.dir.path(), dir.path());
        Self {
            dir,
            origin: self.origin.clone(),
            record: self.record.clone(),
            identity: self.identity.clone(),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&file.path(), &target);
        } else {
            std::fs::copy(file.path(), target).unwrap();
        }
    }
}
