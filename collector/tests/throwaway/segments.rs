//! A second, throwaway [`SegmentStore`], so that the boundary is no description of a directory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use daypass_protocol::digest::Digest;

use daypass_collector::origin::Origin;
use daypass_collector::segments::{Put, SegmentError, SegmentName, SegmentStore};

/// Clones share what they hold, as connections to one service do.
#[derive(Clone, Default)]
pub(crate) struct MemorySegments(Arc<Mutex<Held>>);

type Held = BTreeMap<(Origin, SegmentName), Vec<u8>>;

impl SegmentStore for MemorySegments {
    fn put(&self, log: &Origin, name: &SegmentName, bytes: &[u8]) -> Result<Put, SegmentError> {
        if Digest::of(bytes) != name.content {
            return Err(SegmentError::Misnamed { name: *name });
        }
        let mut map = self.0.lock().unwrap();
        match map.insert((log.clone(), *name), bytes.to_vec()) {
            Some(_) => Ok(Put::Present),
            None => Ok(Put::New),
        }
    }

    fn bytes(&self, log: &Origin, name: &SegmentName) -> Result<Vec<u8>, SegmentError> {
        let map = self.0.lock().unwrap();
        map.get(&(log.clone(), *name))
            .cloned()
            .ok_or_else(|| SegmentError::Missing {
                log: log.clone(),
                name: *name,
            })
    }

    fn remove(&self, log: &Origin, name: &SegmentName) -> Result<(), SegmentError> {
        self.0.lock().unwrap().remove(&(log.clone(), *name));
        Ok(())
    }

    fn names(&self, log: &Origin) -> Result<Vec<SegmentName>, SegmentError> {
        let map = self.0.lock().unwrap();
        Ok(map
            .keys()
            .filter(|(of, _)| of == log)
            .map(|(_, name)| *name)
            .collect())
    }
}
