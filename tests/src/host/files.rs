//! Files into a host and out of it.
//!
//! They go through a process inside: a path resolved from outside would follow the host's absolute
//! links into the outer machine.

use std::fs;
use std::path::Path;

use super::Host;
use crate::{Error, Result};

impl Host {
    /// Writes a file, with mode 0644 when it is new. Its directory must exist.
    pub fn write(&self, path: &str, contents: impl AsRef<[u8]>) -> Result<()> {
        self.root(["dd", "status=none", &format!("of={path}")])
            .input(contents.as_ref())
            .ok()
            .map(drop)
    }

    /// Reads a whole file.
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        let command = self.root(["cat", "--", path]);
        let output = command.run()?;
        if output.success() {
            Ok(output.stdout)
        } else {
            Err(command.failed(output))
        }
    }

    /// Copies a file of the outer machine to a path inside.
    pub fn copy_in(&self, from: &Path, to: &str) -> Result<()> {
        self.write(to, fs::read(from).map_err(Error::path("read", from))?)
    }

    /// Copies a file, or a directory with all below it, out into the directory `to`.
    pub fn copy_out(&self, from: &str, to: &Path) -> Result<()> {
        let archive = self
            .script(&format!(
                "cd / && tar -c -- '{}'",
                from.trim_start_matches('/')
            ))
            .run()?;
        let scratch = to.join(".arriving.tar");
        fs::write(&scratch, &archive.stdout).map_err(Error::path("write", &scratch))?;
        let depth = from.trim_matches('/').matches('/').count();
        crate::outside::tool(
            "tar",
            [
                format!("--strip-components={depth}"),
                "--no-same-owner".to_owned(),
                format!("--directory={}", to.display()),
                "-xf".to_owned(),
                scratch.display().to_string(),
            ],
        )?;
        fs::remove_file(&scratch).map_err(Error::path("remove", &scratch))
    }
}
