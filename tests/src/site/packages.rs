//! The Debian packages under test.

use std::path::{Path, PathBuf};

use crate::{Error, Host, Result};

/// Names the directory that holds the packages; `cargo xtask` builds them and sets it.
const VARIABLE: &str = "DAYPASS_PACKAGES";

/// A directory of built packages.
#[derive(Debug)]
pub struct Packages {
    directory: PathBuf,
}

impl Packages {
    /// The packages that `cargo xtask` built.
    pub fn built() -> Result<Self> {
        let directory = std::env::var_os(VARIABLE)
            .map(PathBuf::from)
            .ok_or(Error::NoPackages { variable: VARIABLE })?;
        Ok(Self { directory })
    }

    /// Installs packages on a host as its administrator would: `apt install ./FILE.deb`.
    pub fn install(&self, host: &Host, names: &[&str]) -> Result<()> {
        let mut files = Vec::new();
        for name in names {
            let to = format!("/var/tmp/{name}.deb");
            host.copy_in(&self.file(name)?, &to)?;
            files.push(to);
        }
        let install = [
            "apt-get",
            "install",
            "--yes",
            "--quiet",
            "--no-install-recommends",
        ];
        host.root(install.into_iter().map(ToOwned::to_owned).chain(files))
            .env("DEBIAN_FRONTEND", "noninteractive")
            .ok()
            .map(drop)
    }

    /// The one file of a package.
    pub fn file(&self, name: &str) -> Result<PathBuf> {
        let start = format!("{name}_");
        let entries =
            std::fs::read_dir(&self.directory).map_err(Error::path("read", &self.directory))?;
        entries
            .filter_map(std::result::Result::ok)
            .map(|entry| entry.path())
            .find(|path| is_package(path, &start))
            .ok_or_else(|| Error::NotShown {
                what: format!("{start}*.deb"),
                text: self.directory.display().to_string(),
            })
    }
}

fn is_package(path: &Path, start: &str) -> bool {
    path.extension().is_some_and(|extension| extension == "deb")
        && path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(start))
}
