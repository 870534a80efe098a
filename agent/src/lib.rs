//! daypass-agent
