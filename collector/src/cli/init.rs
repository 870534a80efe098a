//! `daypass-collector init`: keys, configuration, and the request that root carries to the CA.

use std::fs::DirBuilder;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use daypass_journal::witness::Witness as Key;
use daypass_protocol::collector::{MOST_NAMES, Request};
use daypass_protocol::strict_json;
use daypass_protocol::token::{CaUrl, InvalidUrl};
use daypass_protocol::version::Version;
use daypass_transport::request::SigningRequest;

use super::InitArgs;
use crate::config;
use crate::durable;
use crate::layout::Layout;
use crate::ledger::{BeginError, Ledger};
use crate::ownership::{self, OwnershipError};
use crate::witness::Witness;

/// Why no collector was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InitError {
    /// There is one.
    #[error("{} holds a collector already; to begin anew, move that directory away", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// A name that is no part of a URL, or too many.
    #[error("{name:?} cannot be this server's name: {source}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong.
        source: InvalidUrl,
    },
    /// More names than a certificate carries.
    #[error("{0} names are too many; a certificate carries {MOST_NAMES}")]
    Names(usize),
    /// A file or directory.
    #[error("{} cannot be made", path.display())]
    Make {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the collector that is there.
    #[error("{} cannot be read", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The request of before.
    #[error("{} is damaged: {source}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: strict_json::Error,
    },
    /// The witness key.
    #[error("the witness key cannot be made")]
    Witness(#[source] daypass_journal::Error),
    /// The witness key of the collector that is there.
    #[error("the witness key cannot be read")]
    WitnessUnread(#[source] daypass_journal::Error),
    /// The collector's own journal.
    #[error("the collector's own journal cannot be begun")]
    Journal(#[from] BeginError),
    /// The X.509 key and request.
    #[error(transparent)]
    Request(#[from] daypass_transport::request::Error),
    /// The request cannot be written as JSON.
    #[error("the request cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// Files cannot be given to the service's user.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
    /// Standard output is gone.
    #[error("the request could not be printed")]
    Print(#[source] io::Error),
}

pub(crate) fn run(arguments: &InitArgs) -> Result<(), InitError> {
    let layout = Layout::new(&arguments.data);
    let url = url(arguments)?;
    if layout.request().exists() {
        if !arguments.unless_made {
            return Err(InitError::Exists {
                path: layout.root().to_owned(),
            });
        }
        return print(&again(&layout)?).map_err(InitError::Print);
    }
    let request = make(arguments, &layout, url)?;
    ownership::give(layout.root(), &arguments.user)?;
    print(&request).map_err(InitError::Print)
}

fn make(arguments: &InitArgs, layout: &Layout, url: CaUrl) -> Result<String, InitError> {
    // Without a request, nobody has ever heard of what an init before this one began.
    match std::fs::remove_dir_all(layout.keys()) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            let path = layout.keys();
            return Err(InitError::Make { path, source });
        }
        _ => {}
    }
    for (path, mode) in [
        (layout.root().to_owned(), 0o750),
        (layout.segments(), 0o750),
        (layout.keys(), 0o700),
    ] {
        make_dir(&path, mode)?;
    }
    let witness =
        Witness::create(&layout.witness_key(), &witness_name(&url)).map_err(InitError::Witness)?;
    Ledger::begin(layout, arguments.ca_setup.ca)?;
    let SigningRequest { key, csr } = SigningRequest::create(url.host())?;
    replace(&layout.tls_key(), 0o600, &key)?;
    if !arguments.config.exists() {
        let text = config::initial_text(&arguments.ca_setup, arguments.listen, &arguments.data);
        replace(&arguments.config, 0o644, &text)?;
    }
    let request = serde_json::to_string(&Request {
        v: Version,
        ca: arguments.ca_setup.ca,
        url,
        names: arguments.names.clone(),
        csr,
        witness: witness.vkey(),
    })?;
    replace(&layout.request(), 0o644, &request)?;
    Ok(request)
}

/// The request of before, for the key of now: that is renewed from time to time.
fn again(layout: &Layout) -> Result<String, InitError> {
    let read = |path: PathBuf| {
        std::fs::read_to_string(&path).map_err(|source| InitError::Read { path, source })
    };
    let mut request =
        Request::parse(&read(layout.request())?).map_err(|source| InitError::Damaged {
            path: layout.request(),
            source,
        })?;
    // Which may be another one by now, too.
    let witness = Key::open(&layout.witness_key()).map_err(InitError::WitnessUnread)?;
    request.witness = witness.vkey().to_string();
    request.csr = SigningRequest::again(&read(layout.tls_key())?, request.url.host())?.csr;
    Ok(serde_json::to_string(&request)?)
}

fn url(arguments: &InitArgs) -> Result<CaUrl, InitError> {
    if arguments.names.len() > MOST_NAMES {
        return Err(InitError::Names(arguments.names.len()));
    }
    let port = arguments.listen.port();
    let mut urls = arguments.names.iter().map(|name| {
        CaUrl::new(name, port).map_err(|source| InitError::Name {
            name: name.clone(),
            source,
        })
    });
    // Clap sees to it that there is one.
    let first = urls.next().unwrap_or(Err(InitError::Names(0)))?;
    urls.try_for_each(|url| url.map(|_| ()))?;
    Ok(first)
}

/// Witnesses are named by where they are found, without a scheme (C2SP tlog-cosignature).
fn witness_name(url: &CaUrl) -> String {
    format!("{}/daypass-collector", url.host())
}

fn make_dir(path: &Path, mode: u32) -> Result<(), InitError> {
    let made = DirBuilder::new().recursive(true).mode(mode).create(path);
    made.map_err(|source| InitError::Make {
        path: path.to_owned(),
        source,
    })
}

fn replace(path: &Path, mode: u32, text: &str) -> Result<(), InitError> {
    durable::replace(path, mode, text.as_bytes()).map_err(|source| InitError::Make {
        path: path.to_owned(),
        source,
    })
}

/// The request alone goes to standard output, so that it can be piped; what to do with it goes to people.
fn print(request: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{request}")?;
    let mut people = io::stderr().lock();
    writeln!(people, "{}", crate::diagnostic::AFTER_INIT)
}
