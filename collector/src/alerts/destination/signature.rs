//! The signature of a webhook's request: `Daypass-Signature: t=SECONDS,v1=HEX`, HMAC-SHA256 over `SECONDS.BODY`.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The header's value for a body sent at `time` (seconds since 1970).
pub fn signature(secret: &[u8], time: u64, body: &[u8]) -> String {
    // Keys of any length will do: longer ones than a block are hashed.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        unreachable!("HMAC takes keys of any length")
    };
    mac.update(format!("{time}.").as_bytes());
    mac.update(body);
    let hex: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("t={time},v1={hex}")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn openssl_signs_likewise() {
        let (secret, body) = ("a secret of some length", "{\"v\":1}");
        let mut child = Command::new("openssl")
            .args(["dgst", "-sha256", "-hmac", secret])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        write!(input, "1795428000.{body}").unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let hex = printed.trim().rsplit(' ').next().unwrap();
        let ours = signature(secret.as_bytes(), 1_795_428_000, body.as_bytes());
        assert_eq!(ours, format!("t=1795428000,v1={hex}"));
    }
}
