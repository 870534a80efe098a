//! daypass
