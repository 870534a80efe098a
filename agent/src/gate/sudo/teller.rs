//! Who tells that a command runs. Nobody waits for an answer to that, so who told may be gone by now.

use daypass_gate::Response;

use super::Sudo;
use crate::facts::Peer;

/// Yes, with the handle that the next phases show again.
pub(super) fn told(handle: u64) -> Response {
    Response::Allow {
        handle,
        session_gid: None,
    }
}

impl Sudo {
    /// Whether it is this process, or one that it forked for `-b`, which tells of it. Nobody waits for an answer to that,
    /// so where the kernel gave no hold on who connected, their pid may be another's by now.
    pub(super) fn is_told_by(&self, peer: &Peer) -> bool {
        let process = peer.handle.process();
        peer.is_certain
            || process == self.watched
            || (self.program.is_some() && process.program() == self.program)
    }
}

#[cfg(test)]
mod tests {
    use daypass_protocol::event::{Command, Identity, Origin};

    use super::*;
    use crate::facts::{Handle, Process};
    use crate::texts::Rest;

    #[test]
    fn a_pid_that_came_to_mean_somebody_else_tells_of_nothing() {
        let handle = Handle::open(std::process::id() as i32).unwrap();
        let this = handle.process();
        let peer = |is_certain| Peer {
            uid: 0,
            handle: handle.clone(),
            is_certain,
        };
        let sudo = |watched, program| Sudo {
            identity: Identity::default(),
            origin: Origin::default(),
            service: "sudo".to_owned(),
            command: Command::from_arguments([b"sudo".to_vec()]),
            rest: Rest::Nothing,
            is_legible: true,
            lists: false,
            program,
            watched,
            started: None,
        };
        let other = Process { pid: 1, start: 0 };
        let elsewhere = this.program().map(|(device, inode)| (device, inode + 1));
        assert!(sudo(this, elsewhere).is_told_by(&peer(false)));
        assert!(sudo(other, this.program()).is_told_by(&peer(false)));
        assert!(sudo(other, elsewhere).is_told_by(&peer(true)));
        assert!(!sudo(other, elsewhere).is_told_by(&peer(false)));
        assert!(!sudo(other, None).is_told_by(&peer(false)));
    }
}
