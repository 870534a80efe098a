//! daypass-ca
