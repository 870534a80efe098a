//! daypass-pam
