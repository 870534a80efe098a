//! daypass-tests
