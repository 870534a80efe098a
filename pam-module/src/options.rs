//! The arguments that the module takes on its PAM line. PAM files are root's, so they are trusted; they serve tests
//! and sites that move `/run`.

use std::ffi::CStr;
use std::path::PathBuf;

use daypass_gate::place;

use crate::client::Endpoint;

/// Where things are.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// `socket=PATH`
    pub(crate) agent: Endpoint,
    /// `managed=PATH`
    pub(crate) managed: PathBuf,
    /// `mark=PATH`
    pub(crate) mark: PathBuf,
    /// Never an option: where local names have their uids.
    pub(crate) passwd: PathBuf,
}

impl Options {
    /// The defaults, changed by the arguments that are known. An unknown one is left alone: a typing error in a PAM
    /// file must not shut anybody out.
    pub(crate) fn from_arguments(arguments: &[&CStr]) -> Self {
        let mut options = Self {
            agent: Endpoint::of_root(place::AGENT_SOCKET.as_ref()),
            managed: place::MANAGED_FILE.into(),
            mark: place::UNANSWERED_MARK.into(),
            passwd: "/etc/passwd".into(),
        };
        for argument in arguments
            .iter()
            .filter_map(|argument| argument.to_str().ok())
        {
            match argument.split_once('=') {
                Some(("socket", path)) => options.agent.path = path.into(),
                Some(("managed", path)) => options.managed = path.into(),
                Some(("mark", path)) => options.mark = path.into(),
                _ => {}
            }
        }
        options
    }
}
