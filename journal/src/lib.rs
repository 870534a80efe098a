//! daypass-journal
