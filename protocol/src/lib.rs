//! daypass-protocol
