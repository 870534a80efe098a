//! daypass-transport
