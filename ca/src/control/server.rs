//! The service's end of the control socket.

use std::fs::{DirBuilder, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use daypass_protocol::strict_json;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::geteuid;
use tokio::sync::Semaphore;

use super::answer::answer;
use super::{Answer, MAX_QUESTION, Problem, Question, Service};

/// Questions that are answered at the same time, at most.
const AT_ONCE: usize = 4;

/// A question or an answer that takes longer than this is somebody holding the socket.
const PATIENCE: Duration = Duration::from_secs(10);

/// Before the next attempt, when a command could not be taken.
const AGAIN: Duration = Duration::from_millis(200);

/// Makes the socket anew. Whoever holds the journal is the only service, so one that is there is nobody's.
///
/// # Errors
/// When the directory or the socket cannot be made.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(parent) = path.parent().filter(|parent| !parent.exists()) {
        DirBuilder::new().mode(0o700).create(parent)?;
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Answers until it is dropped.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(service: Service, listener: UnixListener) -> io::Result<()> {
    let listener = tokio::net::UnixListener::from_std(listener)?;
    let room = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        // Never closed, so there always is a permit to wait for.
        let permit = Arc::clone(&room).acquire_owned().await.ok();
        let accepted = listener.accept().await;
        let stream = match accepted.and_then(|(stream, _)| stream.into_std()) {
            Ok(stream) => stream,
            Err(error) => {
                // Out of file descriptors, for one: that passes, and root's commands are needed then more than ever.
                tracing::warn!(%error, "a command could not be taken");
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        let service = service.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = attend(&service, stream) {
                tracing::info!(%error, "a command broke off");
            }
            drop(permit);
        });
    }
}

fn attend(service: &Service, mut stream: UnixStream) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let uid = getsockopt(&stream, PeerCredentials)?.uid();
    let reply = if uid == 0 || uid == geteuid().as_raw() {
        match ask(&mut stream)? {
            Ok(question) => answer(service, question, uid),
            Err(problem) => Answer::Refused(problem),
        }
    } else {
        tracing::warn!(uid, "somebody who is not root spoke to the control socket");
        Answer::Refused(Problem::new(
            "not-root",
            "only root and the CA's own user may say this; run it as root",
        ))
    };
    let text = serde_json::to_vec(&reply)?;
    stream.write_all(&text)
}

fn ask(stream: &mut UnixStream) -> io::Result<Result<Question, Problem>> {
    let mut text = Vec::new();
    stream
        .take(MAX_QUESTION as u64 + 1)
        .read_to_end(&mut text)?;
    Ok(strict_json::parse(&text, MAX_QUESTION).map_err(|error| {
        Problem::new(
            "not-understood",
            format!(
                "the service does not understand the command; is it of another version? systemctl restart daypass-ca ({error})"
            ),
        )
    }))
}
