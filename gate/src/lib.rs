//! daypass-gate
