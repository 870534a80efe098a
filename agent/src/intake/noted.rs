//! Events that nobody waits for, on their way to the journal.

use std::mem;
use std::sync::Arc;

use daypass_protocol::event::Event;

use super::ledger::Entry;
use super::plain;
use crate::texts::{Lost, Text};

/// What is noted and not committed yet.
#[derive(Default)]
pub(super) struct Noted {
    events: Vec<Item>,
    /// The thread lets them gather, and looks by itself once that is over.
    pub(super) is_gathering: bool,
    /// The thread has taken some and is not through with them.
    pub(super) is_committing: bool,
    /// Nobody commits them any more.
    pub(super) is_over: bool,
}

/// An event, and the text that is to be kept before its entry, if it has one.
pub(super) struct Item {
    event: Box<Entry>,
    text: Option<Attached>,
}

/// A text, and the event as it reads where the text cannot be kept.
struct Attached {
    text: Arc<Text>,
    without: Box<Entry>,
}

impl Item {
    pub(super) fn of(event: Box<Entry>) -> Self {
        Self { event, text: None }
    }

    pub(super) fn with(event: Event, text: Arc<Text>) -> Self {
        let without = plain(&Lost::Failed.told(event.clone()));
        Self {
            event: plain(&event.with_command_kept()),
            text: Some(Attached { text, without }),
        }
    }

    /// The event as it is to be journalled, once `keep` has tried to keep its text.
    pub(super) fn settle(self, keep: impl FnOnce(&Text) -> bool) -> Box<Entry> {
        let Some(Attached { text, without }) = self.text else {
            return self.event;
        };
        match keep(&text) {
            true => self.event,
            false => without,
        }
    }
}

impl Noted {
    /// Whether the thread has to be told of what is noted next.
    pub(super) fn wants_news(&self) -> bool {
        self.events.is_empty() && !self.is_gathering
    }

    pub(super) fn push(&mut self, item: Item) {
        self.events.push(item);
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// All of them.
    pub(super) fn take(&mut self) -> Vec<Item> {
        mem::take(&mut self.events)
    }

    /// What goes along with an event that somebody waits for: all before the first whose text is still to be written, for
    /// which nobody else waits. What stands behind that keeps its place.
    pub(super) fn take_along(&mut self) -> Vec<Box<Entry>> {
        let first = self.events.iter().position(|item| item.text.is_some());
        let ready = first.unwrap_or(self.events.len());
        self.events.drain(..ready).map(|item| item.event).collect()
    }
}
